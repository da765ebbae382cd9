from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings
from pytest_httpserver import HTTPServer

from alerting.channels import TransportError, kind
from alerting.channels.slack.blocks import payload
from alerting.messages import Message, clean
from alerting.models import Purpose
from tests.alerting.delivery_rows import NOW

HOOK = "/services/T0/B0/sesame"


def make_message(**changes: Any) -> Message:
    values: dict[str, Any] = {
        "purpose": Purpose.FIRING,
        "project": "Shop",
        "rule": "High Error Rate",
        "severity": "error",
        "labels": (("host_name", "web-1"),),
        "value": "6",
        "threshold": ">= 5",
        "since": NOW,
        "alert_url": "https://telemetry.example/admin/alerting/alert/1/change/",
        "acknowledge_url": "https://telemetry.example/acknowledge/abc:def/",
        "key": "k",
        "thread_key": "alert-1",
    }
    return Message(**(values | changes))


@pytest.fixture(autouse=True)
def loopback_is_open(settings: Settings) -> None:
    settings.TELEMETRY_OUTBOUND_ALLOW = ("127.0.0.1",)


@pytest.fixture
def slack(httpserver: HTTPServer, settings: Settings) -> Iterator[HTTPServer]:
    settings.SLACK_API_URL = httpserver.url_for("/api")
    yield httpserver
    httpserver.check_assertions()


def send_by_webhook(server: HTTPServer, message: Message) -> None:
    kind("slack").send({"webhook_url": server.url_for(HOOK)}, message)


def send_as_bot(server: HTTPServer, message: Message) -> None:
    kind("slack").send({"bot_token": "xoxb-sesame", "channel": "#ops"}, message)


def test_a_webhook_gets_a_message_that_says_everything(slack: HTTPServer) -> None:
    slack.expect_request(HOOK, method="POST").respond_with_data("ok")
    send_by_webhook(slack, make_message())

    request, _ = slack.log[0]
    assert request.content_type.startswith("application/json")
    body = request.get_json()
    shown = json.dumps(body["blocks"])
    for part in (
        "High Error Rate",
        "Firing",
        "error",
        "Shop",
        "host_name = web-1",
        "6 (threshold &gt;= 5)",
        "2026-03-01 12:00:00 UTC",
        "<https://telemetry.example/admin/alerting/alert/1/change/|Open the alert>",
        "<https://telemetry.example/acknowledge/abc:def/|Acknowledge>",
    ):
        assert part in shown
    assert body["text"] == "Firing: High Error Rate (error) in Shop: 6, threshold &gt;= 5"


def test_a_resolved_message_says_how_long_it_took() -> None:
    until = NOW + timedelta(hours=2, minutes=5)
    body = payload(make_message(purpose=Purpose.RESOLVED, until=until, value="0"))
    shown = json.dumps(body)
    assert body["text"].startswith("Resolved: High Error Rate")
    assert "2 h 5 min" in shown
    assert "|Acknowledge>" not in shown


def test_a_bot_posts_to_its_channel_with_its_token(slack: HTTPServer) -> None:
    slack.expect_request(
        "/api/chat.postMessage", method="POST", headers={"Authorization": "Bearer xoxb-sesame"}
    ).respond_with_json({"ok": True})
    send_as_bot(slack, make_message())
    assert slack.log[0][0].get_json()["channel"] == "#ops"


def test_a_rule_may_send_a_bot_elsewhere_but_not_a_webhook() -> None:
    bot = {"bot_token": "xoxb-sesame", "channel": "#ops"}
    webhook = {"webhook_url": "https://hooks.slack.example/"}
    assert kind("slack").for_rule(bot, {"channel": "#db"})["channel"] == "#db"
    assert kind("slack").for_rule(bot, {})["channel"] == "#ops"
    assert kind("slack").for_rule(webhook, {"channel": "#db"}) == webhook


@pytest.mark.parametrize(
    ("status", "body", "permanent"),
    [
        (400, "invalid_payload", True),
        (401, "no_auth", True),
        (403, "action_prohibited", True),
        (404, "no_service", True),
        (410, "channel_is_archived", True),
        (301, "", True),
        (408, "", False),
        (429, "rate_limited", False),
        (500, "rollup_error", False),
        (502, "<html>", False),
        (503, "", False),
    ],
)
def test_what_a_webhooks_status_means(slack: HTTPServer, status: int, body: str, permanent: bool) -> None:
    slack.expect_request(HOOK).respond_with_data(body, status=status)
    with pytest.raises(TransportError) as error:
        send_by_webhook(slack, make_message())
    assert error.value.permanent is permanent
    assert str(status) in error.value.reason
    assert "sesame" not in error.value.reason


@pytest.mark.parametrize(
    ("answer", "permanent"),
    [
        ({"ok": False, "error": "channel_not_found"}, True),
        ({"ok": False, "error": "not_in_channel"}, True),
        ({"ok": False, "error": "invalid_auth"}, True),
        ({"ok": False, "error": "account_inactive"}, True),
        ({"ok": False}, True),
        ({"ok": False, "error": "ratelimited"}, False),
        ({"ok": False, "error": "internal_error"}, False),
        ({"ok": False, "error": "service_unavailable"}, False),
        ([], False),
        ({}, False),
        ("proxy login page", False),
    ],
)
def test_what_the_bots_api_means(slack: HTTPServer, answer: Any, permanent: bool) -> None:
    slack.expect_request("/api/chat.postMessage").respond_with_json(answer)
    with pytest.raises(TransportError) as error:
        send_as_bot(slack, make_message())
    assert error.value.permanent is permanent
    if isinstance(answer, dict) and "error" in answer:
        assert answer["error"] in error.value.reason


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("30", 30, 30),
        ("0", 0, 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 1e9, 1e10),
        ("9" * 400, 999_999_999, 999_999_999),
        ("soon", None, None),
        ("-5", None, None),
        ("", None, None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(
    slack: HTTPServer, header: str, low: float | None, high: float | None
) -> None:
    slack.expect_request(HOOK).respond_with_data("", status=429, headers={"Retry-After": header})
    with pytest.raises(TransportError) as error:
        send_by_webhook(slack, make_message())
    seconds = error.value.retry_after_seconds
    if low is None or high is None:
        assert seconds is None
    else:
        assert seconds is not None
        assert low <= seconds <= high


def test_an_address_inside_is_a_permanent_error_and_a_silent_server_a_transient_one(
    slack: HTTPServer, settings: Settings
) -> None:
    settings.TELEMETRY_OUTBOUND_ALLOW = ()
    with pytest.raises(TransportError, match="TELEMETRY_OUTBOUND_ALLOW") as error:
        send_by_webhook(slack, make_message())
    assert error.value.permanent
    with pytest.raises(TransportError) as error:
        kind("slack").send({"webhook_url": "http://nobody.invalid/"}, make_message())
    assert not error.value.permanent


HOSTILE = "<!channel> <https://evil.example|Acknowledge> & \u202egnp.exe\x00\n*bold*"


def test_text_from_telemetry_can_not_smuggle_mentions_links_or_lines() -> None:
    message = make_message(labels=((clean("a<b>"), clean(HOSTILE)),), rule=clean(HOSTILE))
    body = payload(message)
    shown = json.dumps(body, ensure_ascii=False)
    assert "<!channel>" not in shown
    assert "evil.example|" not in shown.replace("&gt;", "").replace("&lt;https://evil.example|", "")
    assert "a&lt;b&gt; = &lt;!channel&gt;" in shown
    assert "\u202e" not in shown
    assert all(block["text"]["verbatim"] for block in body["blocks"] if block["type"] == "section")


@given(
    st.lists(st.tuples(st.text(max_size=200), st.text(max_size=400)), max_size=60),
    st.text(max_size=300),
)
def test_no_text_makes_a_message_that_slack_refuses_for_its_size(
    labels: list[tuple[str, str]], rule: str
) -> None:
    cleaned = tuple((clean(name), clean("&" * 50 + value)) for name, value in labels)
    body = payload(make_message(labels=cleaned, rule=clean(rule)))
    for block in body["blocks"]:
        texts = [block["text"]] if "text" in block else block["elements"]
        assert all(0 < len(text["text"]) <= 3000 for text in texts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("two\r\nlines\ttabbed", "two lines tabbed"),
        ("line\u2028separator", "line separator"),
        ("nul\x00 bell\x07 escape\x1b[31m", "nul bell escape[31m"),
        ("\u202ereversed\u202c \u2066isolated\u2069 \u200emark", "reversed isolated mark"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        ("lone\ud800surrogate", "lonesurrogate"),
        ("x" * 150, "x" * 150),
        ("x" * 151, "x" * 149 + "…"),
        ("x" * 1_000_000, "x" * 149 + "…"),
        ("  ", ""),
    ],
)
def test_texts_become_one_harmless_line(text: str, expected: str) -> None:
    assert clean(text) == expected

"""A bot keeps one message per alert up to date and tells the rest in its thread."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from typing import Any

import pytest
from pytest_django.fixtures import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from alerting import outbound
from alerting.channels import TransportError, kind
from alerting.channels.base import Action, Reference
from alerting.messages import Message
from alerting.models import Purpose, Status
from tests.alerting.channels.messages import ALERT_ID, a_test, acted, firing, resolved

BOT = {"bot_token": "xoxb-12345678", "channel": "#ops"}
APP = {**BOT, "signing_secret": "0123456789abcdef"}
FIRST: Reference = {"channel": "C012", "ts": "1503435956.000247", "alert_count": 1}


@pytest.fixture
def slack(httpserver: HTTPServer) -> HTTPServer:
    said = {"ok": True, "channel": "C012", "ts": "1503435956.000247"}
    httpserver.expect_request("/api/chat.postMessage").respond_with_json(said)
    httpserver.expect_request("/api/chat.update").respond_with_json(said)
    return httpserver


def calls(server: HTTPServer) -> list[tuple[str, Any]]:
    """(method, body) of each call, in order."""
    return [(request.path.rpartition("/")[2], request.get_json()) for request, _ in server.log]


def buttons(body: Any) -> list[str]:
    return [
        element["action_id"]
        for block in body["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
    ]


def test_the_first_message_is_posted_and_remembered(slack: HTTPServer) -> None:
    assert kind("slack").send(BOT, firing()) == FIRST
    ((method, body),) = calls(slack)
    assert (method, body["channel"], "thread_ts" in body) == ("chat.postMessage", "#ops", False)


@pytest.mark.parametrize(
    ("message", "word"),
    [
        (acted("Acknowledged", Status.ACKNOWLEDGED, note="on it"), "*Acknowledged* by ana: on it"),
        (acted("Resolved", Status.RESOLVED), "*Resolved* by ana"),
        (resolved(), "*Resolved*"),
    ],
    ids=["acknowledged", "resolved by hand", "resolved"],
)
def test_a_change_of_status_edits_the_first_message_and_answers_in_its_thread(
    slack: HTTPServer, message: Message, word: str
) -> None:
    assert kind("slack").send(BOT, message, FIRST) is None
    (first, edited), (second, answer) = calls(slack)
    assert (first, edited["channel"], edited["ts"]) == ("chat.update", "C012", FIRST["ts"])
    assert word.split(maxsplit=1)[0] in str(edited["blocks"])
    assert (second, answer["channel"], answer["thread_ts"]) == ("chat.postMessage", "C012", FIRST["ts"])
    assert answer["blocks"][0]["text"]["text"].startswith(word)
    assert answer["reply_broadcast"] is False


@pytest.mark.parametrize("word", ["Note", "Assignment"])
def test_a_note_only_answers_in_the_thread(slack: HTTPServer, word: str) -> None:
    kind("slack").send(BOT, acted(word, "", note="ask <bob>"), FIRST)
    ((method, body),) = calls(slack)
    assert method == "chat.postMessage"
    assert body["blocks"][0]["text"]["text"] == f"*{word}* by ana: ask &lt;bob&gt;"


def test_a_reminder_shows_in_the_channel_as_well(slack: HTTPServer) -> None:
    kind("slack").send(APP, firing(purpose=Purpose.REPEAT), FIRST)
    ((method, body),) = calls(slack)
    assert (method, body["thread_ts"], body["reply_broadcast"]) == ("chat.postMessage", FIRST["ts"], True)
    assert buttons(body) == ["acknowledge", "resolve", "silence"]


def test_a_raised_alert_edits_the_first_message_and_shows_in_the_channel(slack: HTTPServer) -> None:
    kind("slack").send(BOT, firing(purpose=Purpose.RAISED), FIRST)
    (edit, _), (reply, body) = calls(slack)
    assert (edit, reply, body["reply_broadcast"]) == ("chat.update", "chat.postMessage", True)


def test_a_message_of_several_alerts_is_not_overwritten_by_one_of_them(slack: HTTPServer) -> None:
    of_three = {**FIRST, "alert_count": 3}
    kind("slack").send(BOT, resolved(), of_three)
    assert [method for method, _ in calls(slack)] == ["chat.postMessage"]
    kind("slack").send(BOT, replace(resolved(), alerts=resolved().alerts * 3), of_three)
    assert [method for method, _ in calls(slack)][1:] == ["chat.update", "chat.postMessage"]


@pytest.mark.parametrize("code", ["message_not_found", "channel_not_found", "not_in_channel", "is_archived"])
def test_a_message_that_can_no_longer_be_reached_is_posted_anew(httpserver: HTTPServer, code: str) -> None:
    httpserver.expect_request("/api/chat.update").respond_with_json({"ok": False, "error": code})
    httpserver.expect_request("/api/chat.postMessage").respond_with_json(
        {"ok": True, "channel": "C012", "ts": "2"}
    )
    kept = kind("slack").send(BOT, resolved(), FIRST)
    assert kept == {"channel": "C012", "ts": "2", "alert_count": 1}
    assert "thread_ts" not in calls(httpserver)[-1][1]


def test_all_calls_of_a_message_share_one_time_limit(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "TIMEOUT_SECONDS", 0.6)

    def answer_late(request: Request) -> Response:
        threading.Event().wait(0.4)
        return Response('{"ok": true, "channel": "C012", "ts": "1"}')

    # A server of its own: what it still answers afterwards is in no other test's log.
    with HTTPServer(port=0) as server:
        server.expect_request(re.compile("/api/")).respond_with_handler(answer_late)
        settings.SLACK_API_URL = server.url_for("/api")
        with pytest.raises(TransportError, match="no answer in time"):
            kind("slack").send(BOT, resolved(), FIRST)


def test_an_edit_that_fails_for_now_is_an_error_to_try_again(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/api/chat.update").respond_with_json({"ok": False, "error": "ratelimited"})
    with pytest.raises(TransportError) as error:
        kind("slack").send(BOT, resolved(), FIRST)
    assert not error.value.permanent
    assert len(httpserver.log) == 1


@pytest.mark.parametrize(
    ("config", "message", "expected"),
    [
        (APP, firing(), ["acknowledge", "resolve", "silence"]),
        (APP, acted("Acknowledged", Status.ACKNOWLEDGED), ["resolve", "silence"]),
        (APP, resolved(), []),
        (APP, a_test(), []),
        (BOT, firing(), []),
    ],
    ids=["firing", "acknowledged", "resolved", "test", "without signing secret"],
)
def test_buttons_are_what_can_be_done_now(
    slack: HTTPServer, config: dict[str, str], message: Message, expected: list[str]
) -> None:
    kind("slack").send(config, message)
    ((_, body),) = calls(slack)
    assert buttons(body) == expected
    assert all(
        element["value"] == ALERT_ID
        for block in body["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
    )


def test_a_message_of_several_alerts_lists_them_as_far_as_they_fit_and_has_no_buttons(
    slack: HTTPServer,
) -> None:
    (part,) = firing().alerts
    long_name = replace(part, rule="&" * 150, labels=(("host_name", "&" * 150),))
    kind("slack").send(APP, firing(alerts=(part, part), value="", labels=()))
    kind("slack").send(APP, firing(alerts=(long_name,) * 20, left_out_alert_count=3))
    (_, short), (_, long) = calls(slack)
    assert buttons(short) == buttons(long) == []
    assert str(short["blocks"]).count("host_name=web-1") == 2
    assert "threshold" not in str(short["blocks"])
    listed = long["blocks"][-2]["text"]["text"]
    assert len(listed) <= 3000
    assert listed.endswith("more alerts")


def test_a_webhook_gets_one_message_after_the_other_without_buttons(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    webhook = {"webhook_url": httpserver.url_for("/hook")}
    assert kind("slack").send(webhook, firing()) is None
    kind("slack").send(webhook, resolved())
    assert [buttons(body) for _, body in calls(httpserver)] == [[], []]


def test_only_a_bot_follows_what_people_do() -> None:
    assert kind("slack").follows(BOT) == set(Action)
    assert not kind("slack").follows({"webhook_url": "https://hooks.slack.example/"})


def test_a_long_note_fits_slacks_limits(slack: HTTPServer) -> None:
    kind("slack").send(BOT, acted("Note", "", note="&" * 500, actor="&" * 150), FIRST)
    text = calls(slack)[0][1]["blocks"][0]["text"]["text"]
    assert len(text) <= 3000

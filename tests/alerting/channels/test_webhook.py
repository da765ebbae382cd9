"""What a webhook's receiver gets in each format, how it is signed, and what its answers mean."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from alerting.channels import ConfigError, TransportError, kind
from alerting.channels.webhook import alertmanager
from alerting.messages import Message
from tests.alerting.channels.messages import ALERT_ID, a_test, firing, resolved

SECRET = "sesame-sesame"


def send(server: HTTPServer, message: Message, **config: Any) -> Any:
    """The request that arrived."""
    entered = {"url": server.url_for("/in"), **config}
    kind("webhook").send(kind("webhook").parse_config(entered), message)
    return server.log[-1][0]


@pytest.fixture
def receiver(httpserver: HTTPServer) -> HTTPServer:
    httpserver.expect_request("/in", method="POST").respond_with_data("ok")
    return httpserver


def test_the_native_body_tells_the_alert_in_names_and_numbers(receiver: HTTPServer) -> None:
    body = send(receiver, firing()).get_json()
    assert body["version"] == "1"
    assert body["purpose"] == "firing"
    assert body["rule"] == 'High CPU on "web"'
    assert (body["value"], body["threshold"], body["condition"]) == (93.5, 80.0, "> 80")
    assert body["since"] == "2026-01-02T03:04:05.000000Z"
    assert body["until"] is None
    assert body["labels"] == {"host_name": "web-1", "service_name": "checkout"}
    (alert,) = body["alerts"]
    assert (alert["id"], alert["status"]) == (ALERT_ID, "firing")


def test_a_resolved_alert_has_its_end(receiver: HTTPServer) -> None:
    body = send(receiver, resolved()).get_json()
    assert body["status"] == "resolved"
    assert body["until"] == "2026-03-02T12:00:00.000000Z"


def test_each_request_is_signed_over_its_time_and_body(receiver: HTTPServer) -> None:
    request = send(receiver, firing(), secret=SECRET)
    found = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", request.headers["X-Telemetry-Signature"])
    assert found
    assert abs(time.time() - int(found[1])) < 60
    expected = hmac.new(SECRET.encode(), found[1].encode() + b"." + request.data, hashlib.sha256)
    assert found[2] == expected.hexdigest()
    assert "X-Telemetry-Signature" not in send(receiver, firing()).headers


def test_attempts_at_one_message_carry_the_same_id(receiver: HTTPServer) -> None:
    message = firing()
    first, second = (send(receiver, message).headers["X-Telemetry-Message-Id"] for _ in range(2))
    assert first == second == message.key


def test_headers_of_the_user_go_along(receiver: HTTPServer) -> None:
    request = send(receiver, firing(), headers={"Authorization": "Bearer sesame"})
    assert request.headers["Authorization"] == "Bearer sesame"
    assert request.content_type == "application/json; charset=utf-8"


@pytest.mark.parametrize("message", [firing(), resolved(), a_test()], ids=["firing", "resolved", "test"])
def test_the_alertmanager_body_has_exactly_alertmanagers_fields(
    receiver: HTTPServer, message: Message
) -> None:
    body = send(receiver, message, format="alertmanager").get_json()
    assert set(body) == {
        "version",
        "groupKey",
        "truncatedAlerts",
        "status",
        "receiver",
        "groupLabels",
        "commonLabels",
        "commonAnnotations",
        "externalURL",
        "alerts",
    }
    assert body["version"] == "4"
    assert body["alerts"]
    for alert in body["alerts"]:
        assert set(alert) == {
            "status",
            "labels",
            "annotations",
            "startsAt",
            "endsAt",
            "generatorURL",
            "fingerprint",
        }


def test_alertmanagers_words_for_firing_and_resolved(receiver: HTTPServer) -> None:
    fired = send(receiver, firing(), format="alertmanager").get_json()
    ended = send(receiver, resolved(), format="alertmanager").get_json()
    assert (fired["status"], fired["alerts"][0]["status"]) == ("firing", "firing")
    assert fired["alerts"][0]["endsAt"] == "0001-01-01T00:00:00Z"
    assert (ended["status"], ended["alerts"][0]["status"]) == ("resolved", "resolved")
    assert ended["alerts"][0]["endsAt"] == "2026-03-02T12:00:00.000000Z"
    assert fired["commonLabels"]["alertname"] == 'High CPU on "web"'


def test_common_labels_are_those_that_all_alerts_share() -> None:
    (part,) = firing().alerts
    others = [("web-1", "checkout"), ("web-2", "checkout")]
    alerts = tuple(
        type(part)(
            **{name: getattr(part, name) for name in part.__slots__ if name != "labels"},
            labels=(("host_name", host), ("service_name", service)),
        )
        for host, service in others
    )
    body = alertmanager.document(firing(alerts=alerts, left_out_alert_count=3))
    assert body["truncatedAlerts"] == 3
    assert "host_name" not in body["commonLabels"]
    assert body["commonLabels"]["service_name"] == "checkout"


def test_a_body_of_ones_own_is_sent_as_its_content_type(receiver: HTTPServer) -> None:
    template = '{"text": "{{ rule }} on {{ labels.host_name }}", "n": {{ value | json }}}'
    request = send(receiver, firing(), format="template", template=template)
    assert request.get_json() == {"text": 'High CPU on "web" on web-1', "n": 93.5}
    plain = send(receiver, firing(), format="template", template="{{ title }}", content_type="text/plain")
    assert plain.data == b'Firing: High CPU on "web"'
    assert plain.content_type == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        *((status, True) for status in (302, 400, 401, 404, 410, 422)),
        *((status, False) for status in (408, 429, 500, 502, 503)),
    ],
)
def test_what_an_answer_means(httpserver: HTTPServer, status: int, permanent: bool) -> None:
    quoted = "Cannot POST /in/sesame with Bearer sesame"
    httpserver.expect_request("/in/sesame").respond_with_data(
        quoted, status=status, headers={"Retry-After": "7", "Location": httpserver.url_for("/other")}
    )
    config = kind("webhook").parse_config(
        {"url": httpserver.url_for("/in/sesame"), "headers": {"Authorization": "Bearer sesame"}}
    )
    with pytest.raises(TransportError) as error:
        kind("webhook").send(config, firing())
    assert error.value.permanent is permanent
    assert error.value.retry_after_seconds == (None if permanent else 7.0)
    assert str(status) in error.value.reason
    assert "sesame" not in error.value.reason
    assert len(httpserver.log) == 1


@pytest.mark.parametrize(
    ("entered", "field"),
    [
        ({}, "url"),
        ({"url": "ftp://example.com/"}, "url"),
        ({"url": "https://ana:word@example.com/"}, "url"),
        ({"secret": "short"}, "secret"),
        ({"secret": "with a space in it"}, "secret"),
        ({"format": "xml"}, "format"),
        ({"format": "template"}, "template"),
        ({"format": "template", "template": "x" * 20_001}, "template"),
        ({"format": "template", "template": "not json"}, "template"),
        ({"format": "template", "template": "{{ secrets }}"}, "template"),
        ({"format": "template", "template": "{{ rule"}, "template"),
        ({"format": "template", "template": "{{ rule }}", "content_type": "text/html"}, "content_type"),
        ({"headers": ["Authorization"]}, "headers"),
        ({"headers": {"Content-Length": "3"}}, "headers"),
        ({"headers": {"X-Telemetry-Signature": "forged"}}, "headers"),
        ({"headers": {"X-Key": "two\r\nlines"}}, "headers"),
        ({"headers": {"X Key": "a"}}, "headers"),
        ({"headers": {"X-Key": 5}}, "headers"),
        ({"method": "PUT"}, "method"),
        ({"template": 5}, "template"),
    ],
)
def test_wrong_configuration_is_refused_by_field(entered: dict[str, Any], field: str) -> None:
    base = {} if field == "url" else {"url": "https://example.com/in"}
    with pytest.raises(ConfigError) as error:
        kind("webhook").parse_config({**base, **entered})
    assert set(error.value.errors) == {field}


def test_a_preview_shows_the_body_without_an_address() -> None:
    preview = kind("webhook").preview
    assert preview
    assert json.loads(preview({"format": "native"}))["rule"] == 'High CPU on "web"'
    assert (
        preview({"format": "template", "template": "{{ status }}", "content_type": "text/plain"}) == "firing"
    )
    with pytest.raises(ConfigError, match="Line 1"):
        preview({"format": "template", "template": "{{ nobody }}"})

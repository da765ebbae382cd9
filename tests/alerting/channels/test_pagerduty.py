"""Events to PagerDuty: one incident per alert, opened, acknowledged and closed along with it."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from alerting.channels import ConfigError, TransportError, kind
from alerting.channels.base import Action
from alerting.messages import Message
from alerting.models import Purpose, Status
from tests.alerting.channels.messages import ALERT_ID, a_test, acted, firing, resolved

KEY = "0123456789abcdef0123456789ABCDEF"
ACCEPTED = {"status": "success", "message": "Event processed"}


def send(server: HTTPServer, message: Message) -> list[Any]:
    """The events that arrived."""
    config = kind("pagerduty").parse_config({"routing_key": KEY, "url": server.url_for("")})
    kind("pagerduty").send(config, message)
    return [request.get_json() for request, _ in server.log]


@pytest.fixture
def pagerduty(httpserver: HTTPServer) -> HTTPServer:
    httpserver.expect_request("/v2/enqueue", method="POST").respond_with_json(ACCEPTED, status=202)
    return httpserver


def test_a_firing_alert_triggers_an_incident_that_says_what_is_wrong(pagerduty: HTTPServer) -> None:
    (event,) = send(pagerduty, firing())
    assert (event["routing_key"], event["event_action"], event["dedup_key"]) == (KEY, "trigger", ALERT_ID)
    payload = event["payload"]
    assert payload["summary"] == (
        '[Shop] High CPU on "web" {host_name=web-1, service_name=checkout}: 93.5 (threshold > 80)'
    )
    assert (payload["source"], payload["severity"]) == ("web-1", "warning")
    assert payload["timestamp"] == "2026-01-02T03:04:05+00:00"
    assert payload["custom_details"]["service_name"] == "checkout"
    assert [link["text"] for link in event["links"]] == ["Open the alert", "Acknowledge"]


@pytest.mark.parametrize(
    ("message", "action"),
    [
        (firing(purpose=Purpose.REPEAT), "trigger"),
        (firing(purpose=Purpose.RAISED, severity="critical"), "trigger"),
        (resolved(), "resolve"),
        (acted("Acknowledged", Status.ACKNOWLEDGED), "acknowledge"),
        (acted("Resolved", Status.RESOLVED), "resolve"),
    ],
    ids=["repeat", "raised", "resolved", "acknowledged by hand", "resolved by hand"],
)
def test_what_each_message_means_for_the_incident(
    pagerduty: HTTPServer, message: Message, action: str
) -> None:
    (event,) = send(pagerduty, message)
    assert (event["event_action"], event["dedup_key"]) == (action, ALERT_ID)


@pytest.mark.parametrize(
    ("severity", "expected"),
    [("info", "info"), ("warning", "warning"), ("error", "error"), ("critical", "critical"), ("", "info")],
)
def test_severities_are_pagerdutys(pagerduty: HTTPServer, severity: str, expected: str) -> None:
    (event,) = send(pagerduty, firing(severity=severity))
    assert event["payload"]["severity"] == expected


def test_a_test_message_opens_an_incident_and_closes_it(pagerduty: HTTPServer) -> None:
    opened, closed = send(pagerduty, a_test())
    assert (opened["event_action"], closed["event_action"]) == ("trigger", "resolve")
    assert opened["dedup_key"] == closed["dedup_key"] != ALERT_ID


def test_it_follows_what_its_events_can_say() -> None:
    assert kind("pagerduty").follows({}) == {Action.ACKNOWLEDGE, Action.RESOLVE}


@pytest.mark.parametrize(
    ("status", "permanent"), [(400, True), (403, True), (404, True), (429, False), (500, False), (503, False)]
)
def test_what_an_answer_means(httpserver: HTTPServer, status: int, permanent: bool) -> None:
    said = {"status": "invalid event", "message": "Event object is invalid", "errors": [f"bad key {KEY}"]}
    httpserver.expect_request("/v2/enqueue").respond_with_json(said, status=status)
    with pytest.raises(TransportError) as error:
        send(httpserver, firing())
    assert error.value.permanent is permanent
    assert error.value.reason.startswith(f"PagerDuty answered {status}: Event object is invalid")
    assert KEY not in error.value.reason


@pytest.mark.parametrize("answer", ["<html>", "[]", '{"errors": 5}', ""])
def test_an_answer_that_is_not_pagerdutys_is_told_by_its_status(httpserver: HTTPServer, answer: str) -> None:
    httpserver.expect_request("/v2/enqueue").respond_with_data(answer, status=400)
    with pytest.raises(TransportError, match="PagerDuty answered 400"):
        send(httpserver, firing())


@pytest.mark.parametrize(
    ("entered", "stored_url"),
    [
        ({"routing_key": KEY}, "https://events.pagerduty.com"),
        (
            {"routing_key": f" {KEY} ", "url": "https://events.eu.pagerduty.com/"},
            "https://events.eu.pagerduty.com",
        ),
    ],
)
def test_good_configuration(entered: dict[str, Any], stored_url: str) -> None:
    assert kind("pagerduty").parse_config(entered) == {"routing_key": KEY, "url": stored_url}


@pytest.mark.parametrize(
    ("entered", "field"),
    [
        ({}, "routing_key"),
        ({"routing_key": "short"}, "routing_key"),
        ({"routing_key": 5}, "routing_key"),
        ({"routing_key": KEY, "url": "events.pagerduty.com"}, "url"),
        ({"routing_key": KEY, "token": "x"}, "token"),
    ],
)
def test_wrong_configuration_is_refused_by_field(entered: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigError) as error:
        kind("pagerduty").parse_config(entered)
    assert set(error.value.errors) == {field}

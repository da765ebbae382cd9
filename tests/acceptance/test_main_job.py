"""The whole road on a real platform: telemetry in, rule fires, people told, acknowledged in the browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.acceptance.conftest import World
from tests.platform.running import wait_for

pytestmark = pytest.mark.xdist_group("acceptance")

WINDOW_MINUTES = 0.25


def make_channels(world: World) -> None:
    slack = {"webhook_url": world.slack.url_for("/slack")}
    world.post("/api/v1/notification-channels/", {"name": "ops-slack", "kind": "slack", "config": slack})
    mail = {"recipients": ["ana@example.com"]}
    world.post("/api/v1/notification-channels/", {"name": "ops-email", "kind": "email", "config": mail})


def make_rule(world: World, event_type: str) -> int:
    rule = {
        "name": f"Checkout fails ({event_type})",
        "rule_type": "event_frequency",
        "source_type": "telemetry_event",
        "condition_config": {
            "event_type": event_type,
            "threshold": 5,
            "time_window_minutes": WINDOW_MINUTES,
        },
        "severity": "error",
        "notification_channels": ["ops-slack", "ops-email"],
        "evaluation_interval_seconds": 1,
    }
    return int(world.post("/api/v1/alert-rules/", rule)["id"])


def alerts_of(world: World, rule_id: int, status: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.get(f"/api/v1/alerts/?rule={rule_id}&status={status}")["results"]
    return found


def told(world: World, alert: dict[str, Any]) -> list[tuple[str, str]]:
    """(purpose, status) of each message about the alert."""
    rows = world.get("/api/v1/notifications/?page_size=1000")["results"]
    return sorted((row["purpose"], row["status"]) for row in rows if row["alert"] == alert["id"])


def acknowledge_by_link(browser: Browser, text: str) -> None:
    """Open the mail's link without any session and confirm."""
    found = re.search(r"https?://\S+/acknowledge/\S+", text)
    assert found, text
    page = browser.new_context().new_page()
    page.goto(found[0].rstrip(").>"))
    page.locator("form button").click()
    page.wait_for_load_state()
    page.close()


def test_errors_lead_to_one_message_each_and_the_mails_link_acknowledges(
    world: World, browser: Browser
) -> None:
    make_channels(world)
    rule_id = make_rule(world, "error_event")
    events = [{"event_name": "checkout", "event_type": "error_event"} for _ in range(6)]
    assert world.post("/api/v1/events", {"events": events})["accepted"] == 6

    wait_for(lambda: world.slack_messages("Checkout fails"), "a Slack message", 15)
    (mail,) = wait_for(lambda: world.mails("Checkout fails"), "a mail", 15)
    acknowledge_by_link(browser, mail)
    (alert,) = wait_for(lambda: alerts_of(world, rule_id, "acknowledged"), "the acknowledgement", 5)
    assert alert["acknowledged_by"] == "link to ana@example.com"

    wait_for(lambda: alerts_of(world, rule_id, "resolved"), "the end of the episode", 60)
    wait_for(lambda: len(world.mails("Checkout fails")) == 2, "the resolved mail", 15)
    wait_for(lambda: len(world.slack_messages("Checkout fails")) == 2, "the resolved Slack message", 15)
    timeline = world.get(f"/api/v1/alerts/{alert['id']}/")["timeline"]
    steps = [(entry["to"], entry["actor"]) for entry in timeline if entry["to"]]
    assert [to for to, _ in steps] == ["firing", "acknowledged", "resolved"]
    assert steps[1][1] == "link to ana@example.com"

    # A receiver has its message before the row says so.
    each_once = [("firing", "sent")] * 2 + [("resolved", "sent")] * 2
    wait_for(lambda: told(world, alert) == each_once, "each told once", 15)
    assert len(world.mails("Checkout fails")) == len(world.slack_messages("Checkout fails")) == 2


def test_the_machine_itself_is_measured_from_the_first_minute(world: World) -> None:
    def measured() -> set[str]:
        rows = world.get("/api/v1/metrics/?page_size=1000")["results"]
        return {row["metric_name"] for row in rows}

    wanted = {
        "cpu_usage",
        "memory_usage",
        "disk_usage",
        "load_1m",
        "network_receive_bytes",
        "network_transmit_bytes",
        "response_time",
        "request_errors",
    }
    wait_for(lambda: wanted <= measured(), "host metrics and own request times", 45)
    assert world.platform.request("/ready?strict=1").status == 200


def test_starter_rules_are_there_without_channels(world: World) -> None:
    rules = {rule["name"]: rule for rule in world.get("/api/v1/alert-rules/")["results"]}
    starters = ("High CPU Usage", "High Error Rate", "Slow Response Times")
    assert [rules[name]["severity"] for name in starters] == ["warning", "error", "warning"]
    assert [rules[name]["notification_channels"] for name in starters] == [[], [], []]

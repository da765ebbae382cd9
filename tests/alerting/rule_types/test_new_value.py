"""Values that never came before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from alerting.models import Rule
from tests.alerting.rule_types.telemetry import make, refused, send_spans
from tests.alerting.scenes import alerts, send_events, send_points, statuses, tick, timeline
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0) - timedelta(hours=3)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def test_the_first_look_learns_and_says_nothing(api: ProjectClient) -> None:
    make(api, "new_value", "telemetry_event", {})
    send_events(api, 1, NOW - 20 * HOUR, event_name="refunded")
    send_events(api, 1, NOW, event_name="paid")
    tick(NOW)
    assert alerts(api) == []
    send_events(api, 1, NOW + MINUTE, event_name="refunded")
    tick(NOW + MINUTE)
    assert alerts(api) == []


def test_a_new_value_is_an_alert_until_the_window_has_passed(api: ProjectClient) -> None:
    make(api, "new_value", "telemetry_event", {})
    tick(NOW)
    send_events(api, 2, NOW + MINUTE, event_name="exploded")
    tick(NOW + MINUTE)
    (alert,) = alerts(api)
    assert (alert["labels"], alert["status"], alert["value"]) == ({"event_name": "exploded"}, "firing", 2)
    first_seen = f"first seen {NOW + MINUTE:%Y-%m-%d %H:%M} UTC"
    assert timeline(api, alert["id"])[0][-1] == f"2 >= 1 ({first_seen})"
    for minutes in (4, 5, 6):
        send_events(api, 1, NOW + minutes * MINUTE, event_name="exploded")
        tick(NOW + minutes * MINUTE)
    assert statuses(api) == {"event_name=exploded": "resolved"}
    tick(NOW + 7 * MINUTE)
    assert len(alerts(api)) == 1


@pytest.mark.parametrize("source", ["system_metric", "trace"])
def test_labels_and_columns_have_new_values_too(api: ProjectClient, source: str) -> None:
    conditions: dict[str, dict[str, Any]] = {
        "system_metric": {"metric": "cpu_usage", "group_by": ["version"]},
        "trace": {"group_by": ["tags.version"]},
    }
    make(api, "new_value", source, conditions[source])
    _send(api, source, NOW, {"version": "1"})
    tick(NOW)
    _send(api, source, NOW + MINUTE, {"version": "1"})
    _send(api, source, NOW + MINUTE, {"version": "2"})
    _send(api, source, NOW + MINUTE, {"other": "3"})
    tick(NOW + MINUTE)
    assert [list(alert["labels"].values()) for alert in alerts(api)] == [["2"]]


def test_a_flood_of_new_values_makes_the_rule_unhealthy(api: ProjectClient) -> None:
    rule = make(api, "new_value", "telemetry_event", {"limit": 2})
    tick(NOW)
    for name in ("a", "b", "c"):
        send_events(api, 1, NOW + MINUTE, event_name=name)
    tick(NOW + MINUTE)
    assert alerts(api) == []
    rule = Rule.objects.get(pk=rule.pk)
    assert (rule.health, rule.last_error) == (
        "unhealthy",
        "3 new values of event_name in one window, more than 2: watch a label with fewer values, "
        "or raise the limit.",
    )
    tick(NOW + 10 * MINUTE)
    assert Rule.objects.get(pk=rule.pk).health == "ok"


@pytest.mark.parametrize(
    ("source", "condition", "field"),
    [
        ("telemetry_event", {"group_by": []}, "group_by"),
        ("telemetry_event", {"group_by": ["trace_id"]}, "group_by"),
        ("system_metric", {"metric": "cpu_usage"}, "group_by"),
        ("telemetry_event", {"learn_minutes": 1}, "learn_minutes"),
        ("telemetry_event", {"learn_minutes": 1e6}, "learn_minutes"),
        ("telemetry_event", {"limit": 0}, "limit"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(
    api: ProjectClient, source: str, condition: dict[str, Any], field: str
) -> None:
    assert list(refused(api, "new_value", source, condition)) == [field]


def _send(api: ProjectClient, source: str, at: Any, tags: dict[str, str]) -> None:
    if source == "trace":
        send_spans(api, 1, at, tags=tags)
    else:
        send_points(api, [1], at, tags=tags)

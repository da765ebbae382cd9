"""Numbers far from what is usual at this time of the week."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.alerting.rule_types.telemetry import make, refused, send_spans
from tests.alerting.scenes import alerts, send_business, send_events, send_points, statuses, tick, timeline
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
HOUR = timedelta(hours=1)
CPU: dict[str, Any] = {"metric": "cpu_usage"}


def send_days(api: ProjectClient, end: datetime, days: int, **fields: Any) -> None:
    """A value an hour, each inside its hour, high by day and low at night, with a little noise."""
    noise = random.Random(7)
    times = [end - HOUR * n - timedelta(minutes=30) for n in range(24 * days)][::-1]
    values = [_usual(at) + noise.uniform(-2, 2) for at in times]
    send_points(api, values, times[-1], spacing_seconds=3600, **fields)


def _usual(at: datetime) -> float:
    return 80.0 if 8 <= at.hour < 20 else 20.0


def test_what_is_usual_by_day_is_unusual_at_night(api: ProjectClient) -> None:
    make(api, "anomaly", "system_metric", CPU)
    night = (NOW - timedelta(days=1)).replace(hour=3)
    send_days(api, night, 14)
    send_points(api, [_usual(night)], night + HOUR / 2)
    tick(night + HOUR)
    assert statuses(api) == {}
    send_points(api, [80], night + HOUR + HOUR / 2)
    tick(night + 2 * HOUR)
    (alert,) = alerts(api)
    assert alert["value"] > 4
    reason = timeline(api, alert["id"])[0][-1]
    assert "80, where" in reason
    assert "is usual for this hour of the day" in reason


@pytest.mark.parametrize(
    ("direction", "value", "fires"),
    [
        ("both", 500, True),
        ("both", -500, True),
        ("above", 500, True),
        ("above", -500, False),
        ("below", 500, False),
        ("below", -500, True),
    ],
)
def test_the_direction_says_which_side_is_unusual(
    api: ProjectClient, direction: str, value: float, fires: bool
) -> None:
    make(api, "anomaly", "system_metric", CPU | {"direction": direction})
    send_days(api, NOW, 4)
    send_points(api, [value], NOW + HOUR / 2)
    tick(NOW + HOUR)
    assert bool(alerts(api)) is fires


def test_too_little_history_is_no_data(api: ProjectClient) -> None:
    make(api, "anomaly", "system_metric", CPU)
    send_points(api, [10], NOW - 5 * HOUR)
    send_points(api, [10_000], NOW)
    tick(NOW)
    assert alerts(api) == []


def test_events_that_stop_are_unusual_without_a_row(api: ProjectClient) -> None:
    make(api, "anomaly", "telemetry_event", {"event_name": "paid", "group_by": ["tenant_id"]})
    for hour in range(1, 30):
        send_events(api, 40, NOW - hour * HOUR, event_name="paid", tenant_id="acme")
        send_events(api, 40, NOW - hour * HOUR, event_name="paid", tenant_id="bolt")
    send_events(api, 38, NOW + HOUR / 2, event_name="paid", tenant_id="bolt")
    tick(NOW + HOUR)
    assert statuses(api) == {"tenant_id=acme": "firing"}
    assert [alert["value"] for alert in alerts(api)] == [pytest.approx(40 / 40**0.5)]


@pytest.mark.parametrize("source", ["business_metric", "trace"])
def test_every_source_has_its_usual(api: ProjectClient, source: str) -> None:
    metric = {"business_metric": "revenue", "trace": "duration_ms"}[source]
    make(api, "anomaly", source, {"metric": metric})
    for hour in range(1, 20):
        _send(api, source, 100 + hour % 3, NOW - hour * HOUR)
    _send(api, source, 300, NOW + HOUR / 2)
    tick(NOW + HOUR)
    assert list(statuses(api).values()) == ["firing"]


def test_a_short_window_of_events_is_compared_with_its_part_of_the_hour(api: ProjectClient) -> None:
    make(api, "anomaly", "telemetry_event", {"time_window_minutes": 15, "direction": "below"})
    for hour in range(1, 20):
        send_events(api, 100, NOW - hour * HOUR)
    send_events(api, 24, NOW + HOUR / 3)
    tick(NOW + HOUR / 2)
    assert alerts(api) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"operator": "<"}, "operator"),
        ({"threshold": 0}, "threshold"),
        ({"time_window_minutes": 61}, "time_window_minutes"),
        ({"history_weeks": 0}, "history_weeks"),
        ({"history_weeks": 100}, "history_weeks"),
        ({"direction": "sideways"}, "direction"),
        ({"metric": None}, "metric"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(
    api: ProjectClient, changes: dict[str, Any], field: str
) -> None:
    assert list(refused(api, "anomaly", "system_metric", CPU | changes)) == [field]


def _send(api: ProjectClient, source: str, value: float, at: datetime) -> None:
    if source == "trace":
        send_spans(api, 1, at, duration_ms=value)
    else:
        send_business(api, value, at)

"""Something that should come and doesn't, from each source."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from alerting.models import KnownLabels
from metrics.recording import record_points
from metrics.records import PointRecord
from tests.alerting.rule_types.telemetry import make, refused, send_spans
from tests.alerting.scenes import (
    alerts,
    edit,
    send_business,
    send_events,
    send_points,
    statuses,
    tick,
    timeline,
)
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0) - timedelta(days=3)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("source", "condition"),
    [
        ("telemetry_event", {"event_name": "paid"}),
        ("system_metric", {"metric": "cpu_usage"}),
        ("business_metric", {"metric": "revenue"}),
        ("trace", {}),
    ],
)
def test_what_never_came_is_missed(api: ProjectClient, source: str, condition: dict[str, Any]) -> None:
    make(api, "absence", source, condition)
    tick(NOW)
    (alert,) = alerts(api)
    assert (alert["labels"], alert["status"], alert["value"]) == ({}, "firing", 0)
    assert timeline(api, alert["id"])[0][-1] == "0 < 1 (nothing was ever seen)"


@pytest.mark.parametrize(
    ("source", "condition"),
    [
        ("telemetry_event", {"event_name": "failed", "group_by": ["tags.shop"]}),
        ("system_metric", {"metric": "cpu_usage", "group_by": ["shop"]}),
        ("business_metric", {"metric": "revenue", "group_by": ["shop"]}),
        ("trace", {"group_by": ["tags.shop"]}),
    ],
)
def test_each_value_that_was_seen_is_missed_by_itself(
    api: ProjectClient, source: str, condition: dict[str, Any]
) -> None:
    make(api, "absence", source, condition)
    _send(api, source, NOW, "east")
    _send(api, source, NOW, "west")
    tick(NOW)
    assert alerts(api) == []
    later = NOW + 6 * MINUTE
    _send(api, source, later, "west")
    tick(later)
    (alert,) = alerts(api)
    assert list(alert["labels"].values()) == ["east"]
    assert timeline(api, alert["id"])[0][-1] == f"0 < 1 (nothing since {NOW:%Y-%m-%d %H:%M} UTC)"
    _send(api, source, later + MINUTE, "east")
    tick(later + MINUTE)
    assert list(statuses(api).values()) == ["resolved"]


def test_a_series_that_was_silent_before_the_rule_was_made_is_missed(api: ProjectClient) -> None:
    send_points(api, [1], NOW - HOUR, host_name="web-1")
    make(api, "absence", "system_metric", {"metric": "cpu_usage", "group_by": ["host_name"]})
    tick(NOW)
    assert statuses(api) == {"host_name=web-1": "firing"}


def test_a_stale_marker_is_absence_as_prometheus_has_it(api: ProjectClient) -> None:
    make(api, "absence", "system_metric", {"metric": "cpu_usage", "group_by": ["host_name"]})
    send_points(api, [1], NOW, host_name="web-1")
    tick(NOW)
    marker = PointRecord(metric_name="cpu_usage", stale=True, host_name="web-1", timestamp=NOW + MINUTE)
    assert record_points(api.project.pk, [marker], NOW) == []
    tick(NOW + MINUTE)
    assert statuses(api) == {"host_name=web-1": "firing"}


def test_what_was_silent_for_a_day_is_gone_and_its_alert_resolves(api: ProjectClient) -> None:
    make(api, "absence", "telemetry_event", {"group_by": ["user_id"], "forget_after_minutes": 60})
    send_events(api, 1, NOW, user_id="ana")
    tick(NOW)
    tick(NOW + 30 * MINUTE)
    assert statuses(api) == {"user_id=ana": "firing"}
    tick(NOW + HOUR)
    (alert,) = alerts(api)
    assert alert["status"] == "resolved"
    assert "taken for gone" in timeline(api, alert["id"])[-1][-1]
    tick(NOW + 90 * MINUTE)
    assert len(alerts(api)) == 1
    tick(NOW + 3 * HOUR)
    assert not KnownLabels.objects.exists()


def test_too_few_are_as_wrong_as_none(api: ProjectClient) -> None:
    rule = make(api, "absence", "telemetry_event", {"threshold": 3, "event_type": "error_event"})
    send_events(api, 2, NOW)
    tick(NOW)
    (alert,) = alerts(api)
    assert (alert["rule"], alert["value"]) == (rule.pk, 2)


def test_another_grouping_begins_with_nothing_known(api: ProjectClient) -> None:
    rule = make(api, "absence", "telemetry_event", {"group_by": ["user_id"]})
    send_events(api, 1, NOW, user_id="ana", tenant_id="acme")
    tick(NOW)
    edit(api, rule, condition_config={**rule.condition_config, "group_by": ["tenant_id"]})
    assert not KnownLabels.objects.exists()
    tick(NOW + MINUTE)
    tick(NOW + 10 * MINUTE)
    assert statuses(api) == {"tenant_id=acme": "firing"}


@pytest.mark.parametrize(
    ("source", "condition", "field"),
    [
        ("telemetry_event", {"metric": "cpu_usage"}, "metric"),
        ("system_metric", {}, "metric"),
        ("system_metric", {"metric": "cpu_usage", "event_name": "paid"}, "event_name"),
        ("trace", {"metric": "span_count"}, "metric"),
        ("telemetry_event", {"group_by": ["id"]}, "group_by"),
        ("telemetry_event", {"forget_after_minutes": 1}, "forget_after_minutes"),
        ("telemetry_event", {"forget_after_minutes": 1e9}, "forget_after_minutes"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(
    api: ProjectClient, source: str, condition: dict[str, Any], field: str
) -> None:
    assert list(refused(api, "absence", source, condition)) == [field]


def _send(api: ProjectClient, source: str, at: Any, shop: str) -> None:
    match source:
        case "telemetry_event":
            send_events(api, 1, at, tags={"shop": shop})
        case "system_metric":
            send_points(api, [1], at, tags={"shop": shop})
        case "business_metric":
            send_business(api, 1, at, dimensions={"shop": shop})
        case _:
            send_spans(api, 1, at, tags={"shop": shop})

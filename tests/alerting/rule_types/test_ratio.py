"""Shares: errors among requests, orders among visits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.alerting.rule_types.telemetry import make, refused, send_spans
from tests.alerting.scenes import alerts, send_business, send_events, send_points, statuses, tick, timeline
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0) - timedelta(minutes=30)
MINUTE = timedelta(minutes=1)
CONVERSION: dict[str, Any] = {
    "numerator": {"event_name": "paid"},
    "denominator": {"event_name": "checkout"},
    "operator": "<",
    "threshold": 0.5,
}


def test_a_conversion_between_two_events_falls_too_low(api: ProjectClient) -> None:
    make(api, "ratio", "telemetry_event", CONVERSION | {"group_by": ["tenant_id"]})
    send_events(api, 4, NOW, event_name="checkout", tenant_id="acme")
    send_events(api, 1, NOW, event_name="paid", tenant_id="acme")
    send_events(api, 4, NOW, event_name="checkout", tenant_id="bolt")
    send_events(api, 3, NOW, event_name="paid", tenant_id="bolt")
    tick(NOW)
    (alert,) = alerts(api)
    assert (alert["labels"], alert["value"]) == ({"tenant_id": "acme"}, 0.25)
    assert timeline(api, alert["id"])[0][-1] == "25 % < 50 % (among 4)"


def test_nothing_of_the_part_is_a_share_of_zero(api: ProjectClient) -> None:
    make(api, "ratio", "telemetry_event", CONVERSION)
    send_events(api, 1, NOW, event_name="checkout")
    tick(NOW)
    assert [alert["value"] for alert in alerts(api)] == [0]


@pytest.mark.parametrize(("count", "expected"), [(0, {}), (19, {}), (20, {"": "firing"})])
def test_too_little_to_judge_is_no_data(api: ProjectClient, count: int, expected: dict[str, str]) -> None:
    make(api, "ratio", "telemetry_event", CONVERSION | {"minimum_count": 20})
    if count:
        send_events(api, count, NOW, event_name="checkout")
    tick(NOW)
    assert statuses(api) == expected


def test_errors_among_the_filtered_spans(api: ProjectClient) -> None:
    condition = {"numerator": {"status": "error"}, "operator": ">", "threshold": 0.2}
    make(api, "ratio", "trace", condition | {"filters": {"service_name": "checkout"}})
    send_spans(api, 1, NOW, status="error")
    send_spans(api, 3, NOW)
    send_spans(api, 10, NOW, service_name="search")
    tick(NOW)
    assert [alert["value"] for alert in alerts(api)] == [0.25]


def test_two_counters_are_compared_by_what_they_gain(api: ProjectClient) -> None:
    condition = {
        "numerator": {"metric": "errors_total"},
        "denominator": {"metric": "requests_total"},
        "operator": ">",
        "threshold": 0.05,
    }
    make(api, "ratio", "system_metric", condition | {"minimum_count": 80})
    counter: dict[str, Any] = {"metric_type": "counter", "spacing_seconds": 60}
    send_points(api, [1000, 1020, 1040, 1060, 1080, 1100], NOW, metric_name="requests_total", **counter)
    send_points(api, [50, 52, 54, 56, 58, 60], NOW, metric_name="errors_total", **counter)
    tick(NOW)
    assert [round(alert["value"], 6) for alert in alerts(api)] == [0.1]


def test_one_counter_s_label_is_a_share_of_all_its_series(api: ProjectClient) -> None:
    condition = {"numerator": {"metric": "requests", "code": "500"}, "operator": ">", "threshold": 0.2}
    make(api, "ratio", "system_metric", condition | {"aggregation": "sum"})
    send_points(api, [1], NOW, metric_name="requests", tags={"code": "500"})
    send_points(api, [3], NOW, metric_name="requests", tags={"code": "200"})
    tick(NOW)
    assert [alert["value"] for alert in alerts(api)] == [0.25]


def test_business_metrics_are_added_up(api: ProjectClient) -> None:
    condition = {
        "numerator": {"metric": "refunds"},
        "denominator": {"metric": "revenue"},
        "operator": ">=",
        "threshold": 0.1,
    }
    make(api, "ratio", "business_metric", condition)
    send_business(api, 100, NOW)
    send_business(api, 300, NOW - MINUTE)
    send_business(api, 40, NOW, metric_name="refunds")
    tick(NOW)
    assert [alert["value"] for alert in alerts(api)] == [0.1]


@pytest.mark.parametrize(
    ("source", "changes", "field"),
    [
        ("telemetry_event", {"numerator": {"color": "red"}}, "numerator"),
        ("telemetry_event", {"numerator": {"metric": "x"}}, "numerator"),
        ("telemetry_event", {"numerator": {}, "denominator": {}}, "numerator"),
        ("telemetry_event", {"filters": {"event_name": "x"}}, "numerator"),
        ("telemetry_event", {"aggregation": "rate"}, "aggregation"),
        ("telemetry_event", {"aggregation": "p95"}, "aggregation"),
        ("telemetry_event", {"minimum_count": 0}, "minimum_count"),
        ("system_metric", {"numerator": {"code": "500"}}, "numerator"),
        ("system_metric", {"numerator": {"metric": "a"}, "denominator": {}}, "numerator"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(
    api: ProjectClient, source: str, changes: dict[str, Any], field: str
) -> None:
    assert field in refused(api, "ratio", source, CONVERSION | changes)

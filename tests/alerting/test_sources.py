"""Every source and aggregation, from stored telemetry to the value of an alert."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from metrics.distribution import Distribution
from metrics.recording import record_points
from metrics.records import PointRecord
from tests.alerting.scenes import (
    CPU_RULE,
    ERROR_RULE,
    alerts,
    make_rule,
    send_business,
    send_events,
    send_points,
    statuses,
    tick,
)
from tests.clients import ProjectClient, counts

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0) - timedelta(minutes=30)
MINUTE = timedelta(minutes=1)
ALWAYS: dict[str, Any] = {"operator": "!=", "threshold": -12345}


def value_of(api: ProjectClient) -> float:
    """The value of the one alert there is."""
    (alert,) = alerts(api)
    value: float = alert["value"]
    return value


@pytest.mark.parametrize(
    ("aggregation", "value"),
    [
        ("avg", 25),
        ("min", 10),
        ("max", 40),
        ("sum", 100),
        ("count", 4),
        ("last", 40),
        ("p50", 25),
        ("p90", 37),
        ("p99", 39.7),
    ],
)
def test_each_aggregation_over_plain_points(api: ProjectClient, aggregation: str, value: float) -> None:
    make_rule(api, aggregation=aggregation, group_by=None, **ALWAYS)
    send_points(api, [10, 30], NOW - MINUTE, host_name="web-1")
    send_points(api, [20, 40], NOW, host_name="web-2")
    tick(NOW)
    assert value_of(api) == pytest.approx(value)


def test_the_rate_of_counters_is_summed_over_series(api: ProjectClient) -> None:
    make_rule(api, aggregation="rate", group_by=None, time_window_minutes=1, **ALWAYS)
    for host in ("web-1", "web-2"):
        send_points(api, [1000, 1030, 1060, 1090], NOW, host_name=host, metric_type="counter")
    tick(NOW)
    assert value_of(api) == pytest.approx(4)


@pytest.mark.parametrize(
    ("aggregation", "value"), [("avg", 4), ("min", 1), ("max", 10), ("sum", 20), ("count", 5), ("p99", 10)]
)
def test_distributions_count_with_all_they_hold(api: ProjectClient, aggregation: str, value: float) -> None:
    make_rule(api, metric="response_time", aggregation=aggregation, group_by=None, **ALWAYS)
    points = [
        PointRecord(
            metric_name="response_time",
            metric_type="histogram",
            distribution=Distribution.of(values),
            timestamp=NOW - offset,
        )
        for offset, values in ((MINUTE, [1.0, 2.0]), (2 * MINUTE, [3.0, 4.0, 10.0]))
    ]
    assert record_points(api.project.pk, points, NOW) == []
    tick(NOW)
    assert value_of(api) == pytest.approx(value, rel=0.01)


def test_ready_made_percentiles_count_with_their_maximum(api: ProjectClient) -> None:
    make_rule(api, aggregation="p95", operator=">", threshold=100)
    send_points(api, [50], NOW - MINUTE, host_name="web-1", percentile_95=120)
    send_points(api, [50], NOW, host_name="web-1", percentile_95=90)
    tick(NOW)
    (alert,) = alerts(api)
    reason = api.get(f"/api/v1/alerts/{alert['id']}/").json()["timeline"][0]["reason"]
    assert reason == "120 > 100 (maximum of the given percentiles)"


@pytest.mark.parametrize("no_data", ["keep", "ok", "alert"])
@pytest.mark.parametrize("minutes", [1, 20])
def test_a_stale_marker_resolves_also_after_it_left_the_window(
    api: ProjectClient, no_data: str, minutes: int
) -> None:
    make_rule(api, no_data=no_data)
    send_points(api, [90], NOW, host_name="web-1")
    tick(NOW)
    marker = PointRecord(
        metric_name="cpu_usage", stale=True, host_name="web-1", timestamp=NOW + timedelta(seconds=30)
    )
    assert record_points(api.project.pk, [marker], NOW) == []
    tick(NOW + minutes * MINUTE)
    assert statuses(api) == {"host_name=web-1": "resolved"}


def test_business_metrics_are_dated_by_the_end_of_their_period(api: ProjectClient) -> None:
    source: dict[str, Any] = {"source_type": "business_metric", "metric": "revenue", "aggregation": "sum"}
    make_rule(api, **source, operator="<", threshold=100, group_by=["tenant_id", "region"])
    for tenant, value in (("a", 30), ("b", 200)):
        send_business(api, value, NOW, tenant_id=tenant, dimensions={"region": "eu"})
        send_business(api, 500, NOW + MINUTE, tenant_id=tenant, dimensions={"region": "eu"})
        send_business(api, 500, NOW - 5 * MINUTE, tenant_id=tenant, dimensions={"region": "eu"})
    tick(NOW)
    (alert,) = alerts(api)
    assert (alert["labels"], alert["value"]) == ({"tenant_id": "a", "region": "eu"}, 30)


@pytest.mark.parametrize(
    ("group_by", "labels"),
    [
        (["tenant_id", "metric_category"], {"tenant_id": "real", "metric_category": "sales"}),
        (["dimensions.tenant_id", "currency"], {"dimensions.tenant_id": "other", "currency": "EUR"}),
        (["period_type"], {"period_type": "odd"}),
        (
            ["*"],
            {
                **{"tenant_id": "real", "metric_category": "sales", "period_type": "odd"},
                **{"dimensions.tenant_id": "other", "dimensions.metric_category": "other"},
                "dimensions.currency": "USD",
            },
        ),
    ],
)
def test_a_dimension_never_passes_for_a_column(
    api: ProjectClient, group_by: list[str], labels: dict[str, str]
) -> None:
    make_rule(api, source_type="business_metric", metric="revenue", group_by=group_by, **ALWAYS)
    dimensions = {"tenant_id": "other", "metric_category": "other", "currency": "USD", "period_type": "odd"}
    send_business(
        api, 30, NOW, tenant_id="real", metric_category="sales", currency="EUR", dimensions=dimensions
    )
    tick(NOW)
    (alert,) = alerts(api)
    assert alert["labels"] == labels


def spans(api: ProjectClient, durations: list[float], **fields: Any) -> None:
    body = [
        {
            "trace_id": f"{number:032x}",
            "span_id": f"{number:016x}",
            "service_name": "api",
            "operation_name": "GET /",
            "start_time": (NOW - timedelta(seconds=number)).isoformat(),
            "duration_ms": duration,
            **fields,
        }
        for number, duration in enumerate(durations, start=int(fields.pop("first", 1)))
    ]
    assert counts(api.post("/api/v1/traces", {"spans": body})) == (len(durations), 0, 0)


@pytest.mark.parametrize(
    ("metric", "aggregation", "value"),
    [
        ("duration_ms", "avg", 25),
        ("duration_ms", "p50", 25),
        ("duration_ms", "max", 40),
        ("duration_ms", "last", 10),
        ("duration_ms", "count", 4),
        ("error_ratio", "avg", 0.5),
        ("span_count", "count", 4),
        ("span_count", "rate", 4 / 300),
    ],
)
def test_each_metric_of_spans(api: ProjectClient, metric: str, aggregation: str, value: float) -> None:
    rule: dict[str, Any] = {"source_type": "trace", "metric": metric, "aggregation": aggregation}
    make_rule(api, **rule, **ALWAYS, group_by=["service_name"], filters={"operation_name": "GET /"})
    spans(api, [10, 20], status="error")
    spans(api, [30, 40], status="ok", first=3)
    spans(api, [1000], operation_name="GET /slow", first=5)
    tick(NOW)
    assert value_of(api) == pytest.approx(value)


def test_span_filters_take_status_codes_and_tags(api: ProjectClient) -> None:
    rule: dict[str, Any] = {"source_type": "trace", "metric": "span_count", "operator": ">=", "threshold": 1}
    make_rule(api, **rule, group_by=["tags.zone"], filters={"http_status_code": 500, "kind": "server"})
    spans(api, [10], http_status_code=500, kind="server", tags={"zone": "a"})
    spans(api, [10], http_status_code=200, kind="server", tags={"zone": "b"}, first=2)
    tick(NOW)
    assert statuses(api) == {"tags.zone=a": "firing"}


def test_a_rule_without_group_by_has_no_spans_as_a_count_of_zero(api: ProjectClient) -> None:
    rule: dict[str, Any] = {"source_type": "trace", "metric": "span_count", "group_by": None}
    make_rule(api, **rule, operator="<", threshold=1)
    tick(NOW)
    assert (value_of(api), statuses(api)) == (0, {"": "firing"})


SPAN_COUNT: dict[str, Any] = {
    **CPU_RULE,
    "source_type": "trace",
    "condition_config": {"metric": "span_count", "operator": ">=", "threshold": 1},
}


@pytest.mark.parametrize("base", [ERROR_RULE, SPAN_COUNT])
def test_more_label_sets_than_one_scan_reads_are_an_error_of_the_rule_that_has_them(
    api: ProjectClient, base: dict[str, Any]
) -> None:
    wide = make_rule(api, base, group_by=["user_id"], threshold=100)
    narrow = make_rule(api, base, group_by=["user_id"], threshold=1, filters={"user_id": "u1"})
    for first in (0, 5_001):
        users = range(first, first + 5_001)
        if base == ERROR_RULE:
            _send_events_of(api, users)
        else:
            _send_spans_of(api, users)
    assert tick(NOW).unhealthy_count == 1
    wide.refresh_from_db()
    narrow.refresh_from_db()
    assert (wide.health, narrow.health) == ("unhealthy", "ok")
    assert wide.last_error.startswith("There are more than 10000 label sets in the window")
    assert statuses(api) == {"user_id=u1": "firing"}


def _send_events_of(api: ProjectClient, users: range) -> None:
    event = {"event_name": "failed", "event_type": "error_event", "timestamp": NOW.isoformat()}
    events = [{**event, "user_id": f"u{user}"} for user in users]
    assert counts(api.post("/api/v1/events", {"events": events})) == (len(users), 0, 0)


def _send_spans_of(api: ProjectClient, users: range) -> None:
    span = {"service_name": "api", "operation_name": "GET /", "start_time": NOW.isoformat(), "duration_ms": 1}
    body = [
        {**span, "trace_id": f"{user + 1:032x}", "span_id": f"{user + 1:016x}", "user_id": f"u{user}"}
        for user in users
    ]
    assert counts(api.post("/api/v1/traces", {"spans": body})) == (len(users), 0, 0)


def test_hundreds_of_rules_cost_as_many_queries_as_a_few(api: ProjectClient) -> None:
    send_points(api, [50], NOW, host_name="web-1")
    send_events(api, 5, NOW)

    def count_after_making(number: int, at: Any) -> int:
        for position in range(number):
            make_rule(api, CPU_RULE, filters={"host_name": f"web-{position}"}, threshold=60 + position)
            make_rule(api, ERROR_RULE, filters={"user_id": str(position)})
        tick(at - timedelta(seconds=1))
        with CaptureQueriesContext(connection) as queries:
            tick(at)
        return len(queries)

    few = count_after_making(2, NOW)
    assert count_after_making(40, NOW + MINUTE) == few

"""An hour and a half of a shop's telemetry in which something happens to every signal, and rules about all of it."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from metrics.distribution import Distribution
from metrics.recording import record_points
from metrics.records import PointRecord
from tests.clients import ProjectClient, counts

MINUTES = 90
START = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=MINUTES + 5)
"""The first record; rules look from half an hour later on."""

FIRST, LAST = START + timedelta(minutes=30), START + timedelta(minutes=MINUTES)


def moments() -> list[datetime]:
    """The evaluations: one a minute, both ends included."""
    return [FIRST + timedelta(minutes=minute) for minute in range(MINUTES - 30 + 1)]


def send_all(api: ProjectClient) -> None:
    send_metrics(api)
    send_events(api)
    send_spans(api)
    send_revenue(api)


def cpu_at(minute: float) -> float:
    """Two long hills with a dip in the second one, and ripples."""
    hill = 97 if 40 <= minute < 50 or 60 <= minute < 64 or 65.5 <= minute < 75 else 45
    return hill + 3 * math.sin(minute * 2)


def send_metrics(api: ProjectClient) -> None:
    """CPU of two hosts, of which one is silent for a while; two counters; durations as distributions."""
    points: list[dict[str, Any]] = []
    for step in range(MINUTES * 4):
        minute = step / 4
        at = START + timedelta(minutes=minute)
        points.append(_metric("cpu_usage", cpu_at(minute), at, host_name="web-1"))
        if not 50 <= minute < 62:
            points.append(_metric("cpu_usage", 30 + step % 7, at, host_name="web-2"))
        if step % 2 == 0:
            total = step * 10 if minute < 70 else (step - 280) * 2
            failed = step * 0.01 + (max(0.0, minute - 45) * 3 if minute < 55 else 30)
            points.append(_metric("http_requests_total", total, at, metric_type="counter"))
            points.append(_metric("http_errors_total", failed, at, metric_type="counter"))
    assert counts(api.post("/api/v1/metrics", {"metrics": points}))[0] == len(points)
    durations = [
        PointRecord(
            metric_name="latency",
            metric_value=None,
            metric_type="histogram",
            timestamp=START + timedelta(minutes=minute),
            distribution=Distribution.of([20.0, 30.0, 900.0 if 55 <= minute < 60 else 40.0]),
        )
        for minute in range(MINUTES)
    ]
    assert record_points(api.project.pk, durations, timezone.now()) == []


def send_events(api: ProjectClient) -> None:
    """Errors in two regions, a funnel, a heartbeat that stops, a new version, and orders since yesterday."""
    events: list[dict[str, Any]] = []
    for minute in range(MINUTES):
        at = START + timedelta(minutes=minute, seconds=7)
        failed = 6 if 42 <= minute < 48 or 70 <= minute < 72 else 1
        for region, number in (("eu", failed), ("us", 1)):
            events += [_event("failed", at, event_type="error_event", tags={"region": region})] * number
        events += [_event("checkout_started", at)] * 10
        events += [_event("paid", at)] * (2 if 60 <= minute < 70 else 8)
        if minute < 50 or minute > 65:
            events.append(_event("heartbeat", at, source="cron"))
        version = "2.0" if minute >= 52 else "1.0"
        events.append(_event("deployed", at, tags={"version": version}))
    for hour in range(1, 30):
        events += [_event("order", START - timedelta(hours=hour, minutes=20))] * (10 + hour % 3)
    events += [_event("order", START + timedelta(minutes=65))] * 90
    accepted = counts(api.post("/api/v1/events", {"events": events}))
    assert accepted == (len(events), 0, 0)


def send_spans(api: ProjectClient) -> None:
    """Payments that fail and are slow for some minutes."""
    spans = [
        {
            "trace_id": uuid.uuid4().hex,
            "span_id": uuid.uuid4().hex[:16],
            "service_name": service,
            "operation_name": "pay",
            "start_time": (START + timedelta(minutes=minute, seconds=11 * number)).isoformat(),
            "duration_ms": 700 + number if 50 <= minute < 56 and service == "pay" else 20 + number,
            "status": "error" if 50 <= minute < 58 and service == "pay" and number % 2 else "ok",
        }
        for minute in range(MINUTES)
        for number in range(5)
        for service in ("pay", "cart")
        if not 75 <= minute < 80
    ]
    assert counts(api.post("/api/v1/traces", {"spans": spans})) == (len(spans), 0, 0)


def send_revenue(api: ProjectClient) -> None:
    metrics = [
        {
            "metric_name": "revenue",
            "metric_value": 5 if 55 <= minute < 65 else 100,
            "period_start": (START + timedelta(minutes=minute)).isoformat(),
            "period_end": (START + timedelta(minutes=minute + 1)).isoformat(),
            "dimensions": {"shop": shop},
        }
        for minute in range(MINUTES - 1)
        for shop in ("north", "south")
    ]
    assert counts(api.post("/api/v1/business-metrics", {"metrics": metrics})) == (len(metrics), 0, 0)


def _metric(name: str, value: float, at: datetime, **fields: Any) -> dict[str, Any]:
    return {"metric_name": name, "metric_value": value, "timestamp": at.isoformat(), **fields}


def _event(name: str, at: datetime, **fields: Any) -> dict[str, Any]:
    return {"event_name": name, "timestamp": at.isoformat(), **fields}


def rule(rule_type: str, source: str, condition: Mapping[str, Any], **settings: Any) -> dict[str, Any]:
    return {"rule_type": rule_type, "source_type": source, "condition_config": dict(condition), **settings}


_CPU = {"metric": "cpu_usage", "operator": ">", "threshold": 80, "time_window_minutes": 2}
_ERRORS = {"event_type": "error_event", "threshold": 15, "time_window_minutes": 5}

CPU = rule("metric_threshold", "system_metric", _CPU)

RULES: Mapping[str, dict[str, Any]] = {
    "cpu with two severities": rule(
        "metric_threshold",
        "system_metric",
        {**_CPU, "group_by": ["host_name"], "critical_threshold": 96},
        for_seconds=120,
        keep_firing_for_seconds=60,
        recovery_threshold=70,
    ),
    "silence is wrong": rule(
        "metric_threshold",
        "system_metric",
        {**_CPU, "aggregation": "last", "group_by": ["*"], "time_window_minutes": 1},
        no_data="alert",
    ),
    "late data": rule(
        "metric_threshold",
        "system_metric",
        {**_CPU, "aggregation": "max"},
        evaluation_delay_seconds=90,
        flap_detection=True,
    ),
    "counter": rule(
        "metric_threshold",
        "system_metric",
        {"metric": "http_requests_total", "operator": "<", "threshold": 0.3, "aggregation": "rate"},
    ),
    "distribution": rule(
        "metric_threshold",
        "system_metric",
        {"metric": "latency", "operator": ">", "threshold": 500, "aggregation": "p95"},
    ),
    "revenue": rule(
        "metric_threshold",
        "business_metric",
        {"metric": "revenue", "operator": "<", "threshold": 300, "aggregation": "sum", "group_by": ["shop"]},
    ),
    "failing spans": rule(
        "metric_threshold",
        "trace",
        {"metric": "error_ratio", "operator": ">", "threshold": 0.2, "group_by": ["service_name"]},
    ),
    "slow spans": rule(
        "metric_threshold",
        "trace",
        {"metric": "duration_ms", "operator": ">", "threshold": 500, "aggregation": "p90"},
    ),
    "few spans": rule(
        "metric_threshold",
        "trace",
        {"metric": "span_count", "operator": "<", "threshold": 5, "time_window_minutes": 3},
    ),
    "errors": rule("event_frequency", "telemetry_event", {**_ERRORS, "group_by": ["tags.region"]}),
    "few heartbeats": rule(
        "event_frequency", "telemetry_event", {"event_name": "heartbeat", "operator": "<", "threshold": 3}
    ),
    "absent heartbeat": rule(
        "absence",
        "telemetry_event",
        {"event_name": "heartbeat", "time_window_minutes": 3, "group_by": ["source"]},
    ),
    "absent host": rule(
        "absence",
        "system_metric",
        {"metric": "cpu_usage", "time_window_minutes": 3, "group_by": ["host_name"]},
    ),
    "conversion": rule(
        "ratio",
        "telemetry_event",
        {
            "numerator": {"event_name": "paid"},
            "denominator": {"event_name": "checkout_started"},
            "operator": "<",
            "threshold": 0.5,
            "minimum_count": 20,
        },
    ),
    "share of errors": rule(
        "ratio",
        "system_metric",
        {
            "numerator": {"metric": "http_errors_total"},
            "denominator": {"metric": "http_requests_total"},
            "operator": ">",
            "threshold": 0.03,
            "minimum_count": 1,
        },
    ),
    "jump of errors": rule(
        "change", "telemetry_event", {**_ERRORS, "operator": ">", "threshold": 100, "minimum_count": 5}
    ),
    "unusual orders": rule(
        "anomaly", "telemetry_event", {"event_name": "order", "threshold": 4, "history_weeks": 1}
    ),
    "burning budget": rule(
        "slo_burn_rate",
        "trace",
        {
            "bad": {"status": "error"},
            "objective": 0.98,
            "windows": [
                {"factor": 1, "long_minutes": 180, "short_minutes": 10},
                {"factor": 3, "long_minutes": 20, "short_minutes": 5},
            ],
        },
    ),
    "new version": rule(
        "new_value", "telemetry_event", {"event_name": "deployed", "group_by": ["tags.version"]}
    ),
}

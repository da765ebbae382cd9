"""Error budgets that burn, over windows of minutes and days."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alerting.rule_types.slo_burn_rate import SloBurnRateCondition, judge
from tests.alerting.rule_types.telemetry import make, refused, send_spans
from tests.alerting.scenes import alerts, send_events, send_points, statuses, tick, timeline
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0) - timedelta(minutes=30)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ERRORS: dict[str, Any] = {"bad": {"event_type": "error_event"}}
LENGTHS = (5, 30, 60, 360, 4320)


def errors_in(**ratios: float) -> dict[float, Any]:
    """Bad and total of 1,000 records in each window's length, named `m5` and so on; no errors where none is named."""
    return {length: ({(): 1000 * ratios.get(f"m{length}", 0.0)}, {(): 1000.0}) for length in LENGTHS}


@pytest.mark.parametrize(
    ("ratios", "value", "remark"),
    [
        ({}, 0, "burns 0x over 1 h, 0x over 5 min"),
        ({"m60": 0.0288, "m5": 0.0288}, 2, "burns 28.8x over 1 h, 28.8x over 5 min"),
        ({"m60": 0.0288, "m5": 0.0072}, 0.5, "burns 28.8x over 1 h, 7.2x over 5 min"),
        ({"m60": 0.0072, "m5": 0.5}, 0.5, "burns 7.2x over 1 h, 500x over 5 min"),
        ({"m360": 0.006, "m30": 0.012}, 1, "burns 6x over 6 h, 12x over 30 min"),
        ({"m4320": 0.003, "m360": 0.003}, 3, "burns 3x over 3 d, 3x over 6 h"),
    ],
)
def test_the_worst_window_counts_by_its_slower_length(
    ratios: dict[str, float], value: float, remark: str
) -> None:
    samples = judge(SloBurnRateCondition(bad={}), errors_in(**ratios))
    sample = samples[()]
    assert sample.value == pytest.approx(value)
    assert sample.remark == remark


def test_windows_with_too_few_records_say_nothing() -> None:
    found: dict[float, Any] = {length: ({(): 5.0}, {(): 19.0}) for length in LENGTHS}
    assert judge(SloBurnRateCondition(bad={}), found)[()].value is None
    found[4320] = ({(): 5.0}, {(): 20.0})
    value = judge(SloBurnRateCondition(bad={}), found)[()].value
    assert value == pytest.approx(250)


def test_an_outage_fires_within_minutes_and_ends_soon_after(api: ProjectClient) -> None:
    make(api, "slo_burn_rate", "telemetry_event", ERRORS | {"objective": 0.99})
    send_events(api, 80, NOW - 50 * MINUTE, event_type="request")
    send_events(api, 20, NOW)
    tick(NOW)
    (alert,) = alerts(api)
    assert alert["value"] == pytest.approx(20)
    reason = timeline(api, alert["id"])[0][-1]
    assert "burns 20x over 1 h, 100x over 5 min" in reason
    assert "burns 20x over 3 d, 20x over 6 h" in reason


@pytest.mark.parametrize(("hours_ago", "is_inside"), [(0, True), (1, True), (5.99, True), (6.01, False)])
def test_a_long_window_begins_and_ends_to_the_second(
    api: ProjectClient, hours_ago: float, is_inside: bool
) -> None:
    windows = [{"factor": 1, "long_minutes": 360, "short_minutes": 300}]
    make(api, "slo_burn_rate", "telemetry_event", ERRORS | {"windows": windows, "minimum_events": 2})
    send_events(api, 1, NOW)
    send_events(api, 1, NOW - hours_ago * HOUR)
    tick(NOW)
    assert statuses(api) == ({"": "firing"} if is_inside else {})


@pytest.mark.parametrize("filters", [{"event_category": "shop"}, {"tags.region": "eu"}])
def test_days_of_events_are_read_by_the_hour(api: ProjectClient, filters: dict[str, str]) -> None:
    make(api, "slo_burn_rate", "telemetry_event", ERRORS | {"filters": filters, "minimum_events": 12})
    _spread(NOW, lambda at: send_events(api, 1, at, event_category="shop", tags={"region": "eu"}))
    send_events(api, 1, NOW, event_category="other", tags={"region": "us"})
    with CaptureQueriesContext(connection) as queries:
        tick(NOW)
    assert [alert["value"] for alert in alerts(api)] == [pytest.approx(1000)]
    assert len([one for one in queries if "telemetry_events" in one["sql"]]) <= 7


def test_days_of_spans_are_read_by_the_hour(api: ProjectClient) -> None:
    make(api, "slo_burn_rate", "trace", {"bad": {"status": "error"}, "minimum_events": 24})
    _spread(NOW, lambda at: send_spans(api, 1, at, status="error"))
    _spread(NOW, lambda at: send_spans(api, 1, at))
    tick(NOW)
    assert [alert["value"] for alert in alerts(api)] == [pytest.approx(500)]


def test_two_counters_burn_by_what_they_gain(api: ProjectClient) -> None:
    bad, total = {"metric": "errors_total"}, {"metric": "requests_total"}
    make(api, "slo_burn_rate", "system_metric", {"bad": bad, "total": total, "objective": 0.99})
    counter: dict[str, Any] = {"metric_type": "counter", "spacing_seconds": 600}
    steps = 6 * 24 * 3 + 6
    send_points(api, [100.0 * n for n in range(steps)], NOW, metric_name="requests_total", **counter)
    send_points(api, [5.0 * n for n in range(steps)], NOW, metric_name="errors_total", **counter)
    tick(NOW)
    assert [alert["value"] for alert in alerts(api)] == [pytest.approx(5, rel=0.02)]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"bad": {}}, "bad"),
        ({"objective": 99.9}, "objective"),
        ({"windows": []}, "windows"),
        ({"windows": [{"factor": 1, "long_minutes": 5, "short_minutes": 60}]}, "windows"),
        ({"windows": [{"factor": 0, "long_minutes": 60, "short_minutes": 5}]}, "windows"),
        ({"windows": [{"factor": 1, "long_minutes": 1e6, "short_minutes": 5}]}, "windows"),
        ({"minimum_events": 0}, "minimum_events"),
        ({"time_window_minutes": 60}, "time_window_minutes"),
        ({"filters": {"color": "red"}}, "filters"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(
    api: ProjectClient, changes: dict[str, Any], field: str
) -> None:
    assert list(refused(api, "slo_burn_rate", "telemetry_event", ERRORS | changes)) == [field]


def _spread(end: datetime, send: Any) -> None:
    """Twelve records over three days, and one in every short window."""
    for hours in (71, 60, 48, 30, 24, 12, 7, 5, 2, 0.75, 0.25, 0):
        send(end - hours * HOUR)

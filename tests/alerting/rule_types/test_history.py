"""Weeks by the hour say what windows of an hour say, from roll-ups and from raw rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from django.utils import timezone

from alerting.rule_types.event_matchers import matcher_of
from alerting.rule_types.selection import ask
from alerting.sources import history
from alerting.sources.samples import Aggregation, LabelSet, Question, Window
from alerting.sources.scans import TooManyGroups
from alerting.sources.sql import SqlSources
from events.models import Event
from events.rollups import EVENT_ROLLUP
from metrics.rollups import POINT_ROLLUP
from tests.alerting.rule_types.telemetry import send_spans
from tests.alerting.scenes import send_business, send_events, send_points
from tests.clients import ProjectClient
from tests.rolled_up import roll_everything_up
from traces.rollups import SPAN_ROLLUP

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
END = timezone.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
HOURS = 5
EDGES = (timedelta(0), timedelta(minutes=20), HOUR - timedelta(microseconds=1))
SOURCES = SqlSources()

Labels = tuple[str, ...]
Filters = tuple[tuple[str, str], ...]


def hour_by_hour(
    api: ProjectClient, source: str, question: Question
) -> dict[LabelSet, dict[datetime, float]]:
    """The same by windows of an hour, each ending a microsecond before the next begins."""
    found: dict[LabelSet, dict[datetime, float]] = {}
    for number in range(HOURS):
        hour = END - (HOURS - number) * HOUR
        window = Window(api.project.pk, hour + HOUR - timedelta(microseconds=1), 3600)
        for labels, sample in ask(SOURCES, source, window, [question])[1].samples.items():
            if sample.value is not None:
                found.setdefault(labels, {})[hour] = sample.value
    return found


def by_roll_up(api: ProjectClient, source: str, question: Question) -> dict[LabelSet, dict[datetime, float]]:
    window = Window(api.project.pk, END, HOURS * 3600)
    answer = SOURCES.hourly(source, window, [question])[1]
    return {labels: dict(hours) for labels, hours in answer.items()}


def assert_same(api: ProjectClient, source: str, question: Question) -> None:
    expected = hour_by_hour(api, source, question)
    assert expected
    found = by_roll_up(api, source, question)
    assert found.keys() == expected.keys()
    for labels, hours in expected.items():
        assert found[labels] == pytest.approx(hours)


def times() -> list[datetime]:
    return [END - hours * HOUR + edge for hours in range(1, HOURS + 1) for edge in EDGES]


@pytest.mark.parametrize("is_rolled_up", [False, True])
def test_events(api: ProjectClient, is_rolled_up: bool) -> None:
    for number, at in enumerate(times()):
        fields: dict[str, Any] = {"tenant_id": "acme"} if number % 2 else {}
        send_events(api, 1 + number % 3, at, tags={"region": "eu" if number % 3 else "us"}, **fields)
    if is_rolled_up:
        roll_everything_up(EVENT_ROLLUP, api.project.pk)
    asked: list[tuple[Labels, dict[str, Any]]] = [
        ((), {}),
        (("tenant_id",), {"event_type": "error_event"}),
        (("event_name", "tags.region"), {}),
        ((), {"filters": {"tags.region": "eu"}}),
        ((), {"filters": {"tenant_id": ""}}),
        (("event_name",), {"filters": {"tenant_id": {"exists": True}}}),
        ((), {"any_of": [{"event_name": "none"}, {"event_type": "error_event"}]}),
        (("tenant_id",), {"filters": {"event_name": {"contains": "ail"}, "tenant_id": {"not": ["x", "y"]}}}),
        (("severity",), {}),
    ]
    for group_by, given in asked:
        question = Question(1, "events", "count", (), group_by, matcher=matcher_of(given))
        assert_same(api, "telemetry_event", question)


@pytest.mark.parametrize(
    ("given", "is_added_up"),
    [
        ({"event_name": "failed", "filters": {"tenant_id": ["acme", "other"]}}, True),
        ({"any_of": [{"event_name": "failed"}, {"event_category": "shop"}]}, True),
        ({"filters": {"event_type": {"not": {"contains": "user"}}}}, True),
        ({"event_name": "failed", "filters": {"tags.region": "eu"}}, False),
        ({"event_name": "failed", "filters": {"duration_ms": {"less": 5}}}, False),
    ],
)
def test_events_known_by_name_type_category_and_tenant_outlive_their_rows(
    api: ProjectClient, given: dict[str, Any], is_added_up: bool
) -> None:
    send_events(api, 3, END - HOUR, tenant_id="acme", tags={"region": "eu"}, duration_ms=2)
    roll_everything_up(EVENT_ROLLUP, api.project.pk)
    Event.objects.filter(project_id=api.project.pk).delete()
    found = by_roll_up(
        api, "telemetry_event", Question(1, "events", "count", (), (), matcher=matcher_of(given))
    )
    assert found == ({(): {END - HOUR: 3.0}} if is_added_up else {})


def test_more_label_sets_than_fit_into_memory_are_refused_not_cut(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MAX_GROUPS", 2)
    for name in "abc":
        send_events(api, 1, END - HOUR, tenant_id=name)
        send_spans(api, 1, END - HOUR, service_name=name)
    roll_everything_up(EVENT_ROLLUP, api.project.pk)
    roll_everything_up(SPAN_ROLLUP, api.project.pk)
    with pytest.raises(TooManyGroups):
        by_roll_up(api, "telemetry_event", Question(1, "events", "count", (), ("tenant_id",)))
    with pytest.raises(TooManyGroups):
        by_roll_up(api, "trace", Question(1, "span_count", "count", (), ("service_name",)))
    few = matcher_of({"filters": {"tenant_id": ["a", "b"]}})
    assert_same(api, "telemetry_event", Question(1, "events", "count", (), ("tenant_id",), matcher=few))


@pytest.mark.parametrize("is_rolled_up", [False, True])
def test_spans(api: ProjectClient, is_rolled_up: bool) -> None:
    for number, at in enumerate(times()):
        own = {"status": "error" if number % 4 == 0 else "ok", "duration_ms": 10 + number}
        service = "checkout" if number % 2 else "search"
        send_spans(api, 1, at, service_name=service, tags={"region": "eu"}, **own)
    if is_rolled_up:
        roll_everything_up(SPAN_ROLLUP, api.project.pk)
    asked: list[tuple[str, Aggregation, Filters, Labels]] = [
        ("span_count", "count", (), ("service_name",)),
        ("span_count", "count", (("status", "error"),), ()),
        ("span_count", "count", (("status", "error"), ("tags.region", "eu")), ()),
        ("duration_ms", "avg", (), ()),
        ("duration_ms", "rate", (), ()),
        ("duration_ms", "max", (), ("operation_name",)),
        ("error_ratio", "avg", (), ("service_name",)),
    ]
    for metric, aggregation, filters, group_by in asked:
        assert_same(api, "trace", Question(1, metric, aggregation, filters, group_by))


@pytest.mark.parametrize("is_rolled_up", [False, True])
def test_points(api: ProjectClient, is_rolled_up: bool) -> None:
    for number, at in enumerate(times()):
        send_points(api, [number], at, host_name="web-1", tags={"cores": number % 2})
        send_points(api, [2 * number], at, host_name="web-2")
    if is_rolled_up:
        roll_everything_up(POINT_ROLLUP, api.project.pk)
    aggregations: tuple[Aggregation, ...] = ("avg", "min", "max", "sum", "count", "last")
    groupings: tuple[Labels, ...] = ((), ("host_name",), ("*",))
    for aggregation, group_by in product(aggregations, groupings):
        assert_same(api, "system_metric", Question(1, "cpu_usage", aggregation, (), group_by))


@pytest.mark.parametrize("aggregation", ["avg", "sum", "count", "last", "p50"])
def test_business_metrics(api: ProjectClient, aggregation: Aggregation) -> None:
    for number, at in enumerate(times()):
        send_business(api, number, at, dimensions={"shop": "east" if number % 2 else "west"})
    question = Question(1, "revenue", aggregation, (("shop", "east"),), ("shop",))
    assert_same(api, "business_metric", question)

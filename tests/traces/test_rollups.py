"""Roll-ups of spans: whatever happens in whatever order, the summary says what one GROUP BY over everything says."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from projects.models import Project
from storage.connections import connect
from storage.log_buckets import code_of, percentile
from storage.partitions import start_of
from storage.records import Bounds, RecordError
from storage.rollups import engine
from storage.rollups.removal import freeze, pause_ingest
from storage.rollups.summaries import Question
from storage.rollups.windows import Window
from storage.writer import write_rows
from tests.conftest import make_project
from tests.rolled_up import frozen_days, killed_step, purge, refusals
from traces.queries import SUMMARY_MEASURES, summary
from traces.records import SPANS, SpanRecord, prepare
from traces.rollups import DIMENSIONS, SPAN_ROLLUP

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC).replace(minute=30, second=0, microsecond=0)
START = (NOW - timedelta(hours=30)).replace(hour=0, minute=0)
END = NOW.replace(hour=0, minute=0) + timedelta(days=1)
INTERVALS = (timedelta(minutes=1), timedelta(hours=1), timedelta(days=1))
"""One of each tier."""
Group = tuple[Any, ...]


@dataclass(frozen=True)
class Sent:
    """One span: how long before NOW it began, and what it says."""

    seconds_ago: int
    service: str = "api"
    operation: str = "GET /"
    kind: Literal["server", "client"] = "server"
    status: Literal["ok", "error"] = "ok"
    duration_ms: float = 1.0

    @property
    def start_time(self) -> datetime:
        return NOW - timedelta(seconds=self.seconds_ago)

    def group(self, names: Sequence[str], interval: timedelta) -> Group:
        dimensions = dict(zip(DIMENSIONS, (self.service, self.operation, self.kind), strict=True))
        return *(dimensions[name] for name in names), (self.start_time - START) // interval


def store(project: Project, spans: Sequence[Sent]) -> list[RecordError]:
    records = [
        SpanRecord(
            trace_id="t",
            span_id=uuid.uuid4().hex,
            service_name=span.service,
            operation_name=span.operation,
            kind=span.kind,
            status=span.status,
            start_time=span.start_time,
            duration_ms=span.duration_ms,
        )
        for span in spans
    ]
    bounds = Bounds(project.pk, NOW, NOW - timedelta(days=30), NOW + timedelta(hours=1))
    write, errors = prepare(enumerate(records), bounds)
    return errors + write_rows(write, NOW)


def summed(project: Project, interval: timedelta, names: Sequence[str]) -> dict[Group, Group]:
    """(dimensions, number of the bucket) -> measures, of buckets with spans."""
    question = Question(
        project_id=project.pk,
        window=Window(START, END, interval),
        group_by=names,
        measures=SUMMARY_MEASURES,
    )
    return {
        (*found.dimensions.values(), slot): values
        for found in summary(question)
        for slot, values in enumerate(zip(*found.measures.values(), strict=True))
        if values[0]
    }


def expected(spans: Sequence[Sent], interval: timedelta, names: Sequence[str]) -> dict[Group, Group]:
    groups: dict[Group, list[Sent]] = {}
    for span in spans:
        groups.setdefault(span.group(names, interval), []).append(span)
    return {group: _measures(members, interval) for group, members in groups.items()}


def _measures(spans: Sequence[Sent], interval: timedelta) -> Group:
    errors = sum(span.status == "error" for span in spans)
    buckets = [(code_of(span.duration_ms), 1) for span in spans]
    measures = {
        "span_count": len(spans),
        "error_count": errors,
        "rate_per_second": len(spans) / interval.total_seconds(),
        "error_ratio": errors / len(spans),
        # Durations are summed in whole microseconds.
        "duration_avg_ms": pytest.approx(sum(s.duration_ms for s in spans) / len(spans), rel=1e-9, abs=0.001),
        "duration_p50_ms": pytest.approx(percentile(buckets, 0.5), rel=1e-9),
        "duration_p95_ms": pytest.approx(percentile(buckets, 0.95), rel=1e-9),
        "duration_p99_ms": pytest.approx(percentile(buckets, 0.99), rel=1e-9),
    }
    return tuple(measures[name] for name in SUMMARY_MEASURES)


def reset_watermark() -> None:
    """Begin before all spans; the watermark itself never goes back, and other projects are none of this test's."""
    with connect() as own:
        own.execute(
            "UPDATE rollup_watermarks SET closed_to = %s, closing_to = %s WHERE raw_table = %s",
            (START, START, SPAN_ROLLUP.name),
        )


spans_sent = st.lists(
    st.builds(
        Sent,
        # Over at least one end of a day, so that days are complete.
        seconds_ago=st.integers(0, 30 * 3600),
        service=st.sampled_from(["api", "shop"]),
        operation=st.sampled_from(["GET /", "pay"]),
        kind=st.sampled_from(["server", "client"]),
        status=st.sampled_from(["ok", "error"]),
        duration_ms=st.one_of(st.just(0.0), st.floats(0.001, 1e6)),
    ),
    min_size=3,
    max_size=8,
)
# How many minutes before NOW the watermark is moved to, to the end of which day raw rows are purged, and the rest.
advances = st.integers(0, 24 * 60).map(lambda minutes: ("advance", minutes))
purges = st.integers(0, 1).map(lambda days: ("purge", days))
others = st.sampled_from([("recompute", 0), ("killed", 0), ("rebuild", 0)])
some = st.lists(st.one_of(spans_sent, advances, purges, others), min_size=1, max_size=3)
# A frame, because most plans without one would purge nothing, or send nothing to a frozen day.
plans = st.tuples(spans_sent, advances, some, purges, some, spans_sent).map(
    lambda frame: [*frame[:2], *frame[2], frame[3], *frame[4], frame[5]]
)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=plans)
def test_any_order_of_inserts_advances_kills_rebuilds_and_purges_gives_what_one_group_by_gives(
    plan: list[Any], db: None
) -> None:
    project = make_project("rolled")
    reset_watermark()
    sent: list[Sent] = []
    frozen: set[date] = set()
    for step in plan:
        if isinstance(step, list):
            refused = refusals(SPAN_ROLLUP, [span.start_time for span in step], frozen)
            assert [(error.index, error.code) for error in store(project, step)] == refused
            sent += [span for index, span in enumerate(step) if index not in dict(refused)]
        elif step[0] == "advance":
            engine.advance(SPAN_ROLLUP, NOW - timedelta(minutes=step[1]), lambda: [project.pk])
        elif step[0] == "recompute":
            engine.recompute(SPAN_ROLLUP)
        elif step[0] == "killed":
            killed_step(SPAN_ROLLUP, project)
        elif step[0] == "rebuild":
            engine.invalidate(SPAN_ROLLUP, project.pk, START, NOW)
        else:
            frozen |= purge(SPAN_ROLLUP, project, (NOW - timedelta(days=step[1])).date())
            assert frozen_days(SPAN_ROLLUP, project) == frozen
        for interval in INTERVALS:
            assert summed(project, interval, DIMENSIONS) == expected(sent, interval, DIMENSIONS), interval


def test_groups_of_fewer_dimensions_merge_their_durations(project: Project) -> None:
    reset_watermark()
    sent = [
        Sent(
            seconds_ago=number * 1700,
            service=f"s{number % 2}",
            operation=f"o{number % 3}",
            kind="server" if number % 4 else "client",
            status="error" if number % 5 == 0 else "ok",
            duration_ms=1.3**number,
        )
        for number in range(40)
    ]
    store(project, sent[::2])
    engine.advance(SPAN_ROLLUP, NOW - timedelta(minutes=20), lambda: [project.pk])
    store(project, sent[1::2])
    group_bys: list[Sequence[str]] = [(), ("service_name",), ("kind", "service_name")]
    for interval, names in itertools.product((*INTERVALS, END - START), group_bys):
        assert summed(project, interval, names) == expected(sent, interval, names), (interval, names)


def test_roll_ups_outlive_the_spans_they_were_made_from_and_take_no_more(project: Project) -> None:
    reset_watermark()
    sent = [Sent(seconds_ago=hours * 3600, duration_ms=hours) for hours in range(1, 31)]
    store(project, sent)
    engine.advance(SPAN_ROLLUP, NOW, lambda: [project.pk])
    day = (NOW - timedelta(days=1)).date()
    day_end = start_of(day) + timedelta(days=1)
    with connect() as own, own.transaction():
        pause_ingest(own)
        freeze(own, SPANS.name, day, [project.pk], day_end)
        own.execute(
            "DELETE FROM traces WHERE project_id = %s AND start_time >= %s AND start_time < %s",
            (project.pk, start_of(day), day_end),
        )
    late = Sent(seconds_ago=int((NOW - day_end).total_seconds()) + 60)
    assert [(error.field, error.code) for error in store(project, [late])] == [("start_time", "too_old")]
    engine.invalidate(SPAN_ROLLUP, project.pk, START, NOW)
    engine.recompute(SPAN_ROLLUP)
    for interval in INTERVALS:
        assert summed(project, interval, DIMENSIONS) == expected(sent, interval, DIMENSIONS), interval


def test_spans_that_took_for_ever_do_not_stop_the_roll_up(project: Project) -> None:
    reset_watermark()
    store(project, [Sent(7200, duration_ms=1e15)] * 3)
    engine.advance(SPAN_ROLLUP, NOW, lambda: [project.pk])
    (measures,) = summed(project, timedelta(hours=1), ()).values()
    found = dict(zip(SUMMARY_MEASURES, measures, strict=True))
    assert (found["span_count"], found["duration_avg_ms"]) == (3, 86_400_000)
    assert found["duration_p50_ms"] == pytest.approx(1e15, rel=0.01)

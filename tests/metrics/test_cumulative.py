"""Cumulative histograms: with resets, late points and roll-ups at any time, charts say what one pass in Python says."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from metrics.charting import Aggregation
from metrics.distribution import Distribution, code_of
from metrics.records import PointRecord, prepare
from metrics.rollups import POINT_ROLLUP
from projects.models import Project
from storage.log_buckets import percentile
from storage.records import Answer, Bounds, WriteRequest
from storage.rollups import engine
from storage.writer import write_request
from tests.conftest import make_project
from tests.metrics.rolled_points import (
    NOW,
    SHARES,
    START,
    about,
    advance,
    asked,
    floor,
    reset_watermark,
    summary,
)
from tests.rolled_up import killed_step

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("point-watermark")]

HOUR = timedelta(hours=1)
HOURS_AGO = (0, 1, 2, 3, 10, 11, 34)
ASKED: tuple[Aggregation, ...] = ("count", "sum", "avg", "rate", "last", "p50", "p95", "min")
CHARTS = list(product(ASKED, (timedelta(minutes=30), HOUR, timedelta(days=1))))


@dataclass(frozen=True)
class Sent:
    """A point that a client sends: all values since `start`, or those since the point before (`is_delta`)."""

    seconds_ago: int
    values: tuple[float, ...]
    start: datetime | None = None
    is_delta: bool = False
    is_stale: bool = False

    @property
    def moment(self) -> datetime:
        return NOW - timedelta(seconds=self.seconds_ago)

    def record(self) -> PointRecord:
        return PointRecord(
            metric_name="queue", metric_type="histogram", service_name="shop", timestamp=self.moment,
            distribution=None if self.is_stale else Distribution.of(self.values), stale=self.is_stale,
            temporality="delta" if self.is_delta else "cumulative", start_time=self.start,
        )  # fmt: skip


@dataclass(frozen=True)
class Added:
    """What one point adds."""

    moment: datetime
    count: int
    total: float
    codes: Counter[int]
    low: float | None = None
    high: float | None = None


def added(points: Sequence[Sent]) -> list[Added]:
    """One pass over all points that are stored, in order of time."""
    found: list[Added] = []
    before: Sent | None = None
    for point in sorted(points, key=lambda point: point.moment):
        if point.is_stale:
            continue
        if point.is_delta:
            found.append(_all_of(point, min(point.values, default=None), max(point.values, default=None)))
            continue
        if before is None or point.moment - before.moment > HOUR:
            began_lately = point.start is not None and point.start >= point.moment - HOUR
            found.append(_all_of(point) if began_lately else Added(point.moment, 0, 0, Counter()))
        elif len(point.values) < len(before.values) or _differ(point.start, before.start):
            found.append(_all_of(point))
        else:
            new, old = _all_of(point), _all_of(before)
            found.append(
                Added(point.moment, new.count - old.count, new.total - old.total, new.codes - old.codes)
            )
        before = point
    return found


def _all_of(point: Sent, low: float | None = None, high: float | None = None) -> Added:
    codes = Counter(code_of(name) for name in map(_bucket, point.values))
    return Added(point.moment, len(point.values), math.fsum(point.values), codes, low, high)


def _bucket(value: float) -> str:
    (name,) = Distribution.of([value]).buckets
    return name


def _differ(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one != other


def charted(points: Sequence[Sent], aggregation: Aggregation, interval: timedelta) -> dict[datetime, Any]:
    buckets: dict[datetime, list[Added]] = defaultdict(list)
    for one in added(points):
        buckets[floor(one.moment, interval)].append(one)
    values = {moment: _value(members, aggregation, interval) for moment, members in buckets.items()}
    return {moment: about(value) for moment, value in values.items() if value is not None}


def _value(members: list[Added], aggregation: Aggregation, interval: timedelta) -> float | None:
    count, total = sum(one.count for one in members), math.fsum(one.total for one in members)
    low, high = _extremes(members)
    if aggregation in SHARES:
        merged = sum((one.codes for one in members), Counter[int]())
        found = percentile(merged.items(), SHARES[aggregation])
        return found if found is None or low is None or high is None else min(max(found, low), high)
    if aggregation == "last":
        newest = [one for one in members if one.count]
        return newest[-1].total / newest[-1].count if newest else None
    return {
        "count": count,
        "sum": total,
        "avg": total / count if count else None,
        "rate": count / interval.total_seconds(),
        "min": low,
    }[aggregation]


def _extremes(members: list[Added]) -> tuple[float | None, float | None]:
    """Unknown as soon as those of one aren't known."""
    known = [(one.low, one.high) for one in members if one.low is not None and one.high is not None]
    if not known or len(known) < len([one for one in members if one.count]):
        return None, None
    return min(low for low, _ in known), max(high for _, high in known)


def store(project: Project, points: Sequence[Sent]) -> None:
    bounds = Bounds(project.pk, NOW, NOW - timedelta(days=30), NOW + HOUR)
    write, errors = prepare(enumerate(point.record() for point in points), bounds)
    assert errors == []
    write_request(WriteRequest([write], lambda outcome: Answer(202, b""), NOW))


values = st.lists(st.integers(-20, 200).map(float), max_size=4).map(tuple)


@st.composite
def series(draw: st.DrawFn) -> list[Sent]:
    """What one client sends over its lives: it begins again now and then, and knows or doesn't know since when."""
    ago = st.tuples(st.sampled_from(HOURS_AGO), st.integers(0, 3599)).map(
        lambda pair: 3600 * pair[0] + pair[1]
    )
    times = sorted(draw(st.lists(ago, min_size=6, max_size=16, unique=True)), reverse=True)
    knows_start = draw(st.booleans())
    points: list[Sent] = []
    so_far: tuple[float, ...] = ()
    start = NOW - timedelta(seconds=times[0] + 60)
    for seconds in times:
        kind = draw(st.sampled_from(["goes on"] * 6 + ["begins again", "delta", "stale"]))
        if kind == "begins again":
            so_far, start = (), NOW - timedelta(seconds=seconds + 1)
        new = draw(values)
        point = Sent(seconds, new, start if knows_start else None)
        if kind == "delta":
            points.append(replace(point, is_delta=True))
        elif kind == "stale":
            points.append(replace(point, is_stale=True))
        else:
            so_far += new
            points.append(replace(point, values=so_far))
    return points


steps = st.lists(
    st.sampled_from([("send", 0)] * 3 + [("recompute", 0), ("killed", 0), ("rebuild", 0)])
    | st.sampled_from(HOURS_AGO[:-1]).map(lambda hours: ("advance", hours)),
    min_size=4,
    max_size=7,
)


@settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(points=series(), plan=steps, data=st.data())
def test_any_order_of_points_and_roll_ups_gives_what_one_pass_gives(
    points: list[Sent], plan: list[tuple[str, int]], data: st.DataObject, db: None
) -> None:
    project = make_project("cumulative")
    reset_watermark()
    waiting = data.draw(st.permutations(points))
    sent: list[Sent] = []
    for number, (step, hours) in enumerate([("send", 0), *plan, ("send", len(points))]):
        if step == "send":
            some = hours or data.draw(st.integers(1, len(points)))
            fresh, waiting = waiting[:some], waiting[some:]
            store(project, fresh)
            sent += fresh
        elif step == "advance":
            advance(project, NOW - timedelta(hours=hours))
        elif step == "recompute":
            engine.recompute(POINT_ROLLUP)
        elif step == "killed":
            killed_step(POINT_ROLLUP, project)
        else:
            engine.invalidate(POINT_ROLLUP, project.pk, START, NOW)
        for aggregation, interval in CHARTS[number % 6 :: 6]:
            assert asked(project, aggregation, interval) == charted(sent, aggregation, interval)
        hourly = [charted(sent, name, HOUR) for name in ("count", "avg")]
        assert {moment: row[:2] for moment, row in summary(project).items()} == {
            moment: (hourly[0][moment], hourly[1].get(moment)) for moment in hourly[0]
        }


def test_a_late_point_corrects_the_hour_after_it_too(db: None) -> None:
    project = make_project("late")
    reset_watermark()
    first, late, last = (
        Sent(4 * 3600 + 60, (1.0,)),
        Sent(3 * 3600 + 1900, (1.0, 2.0)),
        Sent(3 * 3600, (1.0, 2.0, 3.0)),
    )
    assert late.moment.hour != last.moment.hour
    store(project, [first, last])
    advance(project, NOW)
    assert (
        asked(project, "sum", HOUR)[floor(last.moment, HOUR)] == 0
    )  # more than an hour without a point before
    store(project, [late])
    for _ in range(2):
        assert asked(project, "sum", HOUR) == charted([first, late, last], "sum", HOUR)
        assert asked(project, "sum", HOUR)[floor(last.moment, HOUR)] == 3
        engine.recompute(POINT_ROLLUP)


def test_a_delta_counter_gains_its_values_in_charts_whatever_is_rolled_up(db: None) -> None:
    project = make_project("deltas")
    reset_watermark()
    points = [
        PointRecord(
            metric_name="queue", metric_type="counter", temporality="delta", metric_value=step,
            timestamp=NOW - timedelta(seconds=ago),
        )
        for ago, step in ((7300, 40.0), (7200, 10.0), (90, 5.0), (60, 1.0), (30, math.nan))
    ]  # fmt: skip
    bounds = Bounds(project.pk, NOW, NOW - timedelta(days=1), NOW + HOUR)
    write, _ = prepare(enumerate(points), bounds)
    write_request(WriteRequest([write], lambda outcome: Answer(202, b""), NOW))
    expected = {floor(NOW - 2 * HOUR, HOUR): about(50 / 3600), floor(NOW, HOUR): about(6 / 3600)}
    for _ in range(2):
        assert asked(project, "rate", HOUR) == expected
        advance(project, NOW)

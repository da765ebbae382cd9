"""Roll-ups of points: whatever happens in whatever order, each tier and the view say what one GROUP BY would say."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from metrics.rollups import POINT_ROLLUP
from storage.rollups import engine
from tests.conftest import make_project
from tests.metrics.rolled_points import (
    CHARTS,
    HOST_A,
    HOST_B,
    NOW,
    START,
    Sent,
    advance,
    asked,
    charted,
    reset_watermark,
    store,
    summary,
    summed,
)
from tests.rolled_up import frozen_days, killed_step, purge, refusals

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("point-watermark")]

HOURS_AGO = (0, 1, 2, 9, 20, 34)

hosts = st.sampled_from([HOST_A, HOST_B])
values = st.integers(-1000, 1000).map(float) | st.floats(-1e6, 1e6, allow_subnormal=False).map(
    lambda x: round(x, 3)
)
points_sent = st.lists(
    st.builds(
        Sent,
        seconds_ago=st.tuples(st.sampled_from(HOURS_AGO), st.integers(0, 3599)).map(lambda ago: 3600 * ago[0] + ago[1]),
        host=hosts,
        value=values,
    ).flatmap(
        lambda point: st.sampled_from([point] * 6 + [replace(point, value=math.nan), replace(point, p95=7.0),
                                       replace(point, value=None, stale=True), replace(point, value=None, spread=())])
        | st.lists(values, min_size=1, max_size=4).map(
            lambda spread: replace(point, value=None, spread=tuple(spread))
        )
    ),
    min_size=3,
    max_size=10,
    unique_by=lambda point: point.key,
)  # fmt: skip
# How many hours before NOW the watermark is moved to, to the end of which day raw rows are purged, and the rest.
advances = st.sampled_from(HOURS_AGO[:-1]).map(lambda hours: ("advance", hours))
purges = st.integers(0, 1).map(lambda days: ("purge", days))
others = st.sampled_from([("recompute", 0), ("killed", 0), ("rebuild", 0)])
some = st.lists(st.one_of(points_sent, advances, purges, others), min_size=1, max_size=3)
# A frame, because most plans without one would purge nothing, or send nothing to a frozen day.
plans = st.tuples(points_sent, advances, some, purges, some, points_sent).map(
    lambda frame: [*frame[:2], *frame[2], frame[3], *frame[4], frame[5]]
)


@settings(
    max_examples=5,
    deadline=None,
    # Nothing is made smaller: each try stores and rolls up days, so that a failure would take minutes to be told.
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(plan=plans)
def test_any_order_of_inserts_advances_kills_rebuilds_and_purges_gives_what_one_group_by_gives(
    plan: list[Any], db: None
) -> None:
    project = make_project("rolled")
    reset_watermark()
    sent: dict[tuple[str, datetime], Sent] = {}
    frozen: set[date] = set()
    for number, step in enumerate(plan):
        if isinstance(step, list):
            fresh = [point for point in step if point.key not in sent]
            refused = refusals(POINT_ROLLUP, [point.moment for point in fresh], frozen)
            assert [(error.index, error.code) for error in store(project, fresh)] == refused
            sent |= {point.key: point for index, point in enumerate(fresh) if index not in dict(refused)}
        elif step[0] == "advance":
            advance(project, NOW - timedelta(hours=step[1]))
        elif step[0] == "recompute":
            engine.recompute(POINT_ROLLUP)
        elif step[0] == "killed":
            killed_step(POINT_ROLLUP, project)
        elif step[0] == "rebuild":
            engine.invalidate(POINT_ROLLUP, project.pk, START, NOW)
        else:
            frozen |= purge(POINT_ROLLUP, project, (NOW - timedelta(days=step[1])).date())
            assert frozen_days(POINT_ROLLUP, project) == frozen
        points = list(sent.values())
        assert summary(project) == summed(points)
        # Other charts after each step: all of them each time would take a minute.
        for aggregation, interval in CHARTS[number % 8 :: 8]:
            assert asked(project, aggregation, interval) == charted(points, aggregation, interval)

"""What a point of a cumulative distribution adds to the one before, as SQL has it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from metrics.distribution import Distribution, bucket_of
from metrics.increments import LOOK_BACK, increments
from metrics.recording import record_points
from metrics.records import PointRecord
from projects.models import Project
from storage.rollups import gate

NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = timedelta(minutes=1)
SINCE = NOW - timedelta(hours=9)


def counted(*values: float) -> Distribution:
    return Distribution.of(values)


def point(minutes_ago: float, distribution: Distribution | None, **fields: Any) -> PointRecord:
    return PointRecord(
        **{"metric_name": "latency", "metric_type": "histogram", "temporality": "cumulative", **fields},
        timestamp=NOW - minutes_ago * MINUTE,
        distribution=distribution,
    )


def added(project: Project, *points: PointRecord, now: datetime = NOW) -> list[dict[str, Any]]:
    """What each point adds, in order of time."""
    assert record_points(project.pk, points, now) == []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT value, count, sum, min, max, buckets::text, percentile_95, stale FROM metric_point_increments "
            'WHERE project_id = %s ORDER BY "timestamp"',
            [project.pk],
        )
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def sums(rows: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    return [(row["count"], row["sum"]) for row in rows]


def test_a_point_adds_what_came_since_the_one_before(project: Project) -> None:
    rows = added(
        project,
        point(3, counted(1.0), start_time=SINCE),
        point(2, counted(1.0, 5.0, 5.0), start_time=SINCE),
        point(1, counted(1.0, 5.0, 5.0), start_time=SINCE),
    )
    assert sums(rows) == [(0, 0), (2, 10), (0, 0)]
    assert [row["value"] for row in rows] == [None, 5, None]
    assert [row["buckets"] for row in rows] == ["{}", f'{{"{bucket_of(5)}": 2}}', "{}"]
    assert [(row["min"], row["max"]) for row in rows] == [(None, None)] * 3


A, B = NOW - timedelta(hours=3), NOW - timedelta(minutes=30)
RESETS = {
    "its count fell": (None, None, counted(7.0), (1, 7)),
    "its count fell, though it says it began at the same time": (A, A, counted(7.0), (1, 7)),
    "it began at another time": (A, B, counted(1.0, 2.0, 3.0), (3, 6)),
    "it says only now when it began": (None, B, counted(1.0, 2.0, 3.0), (1, 3)),
}


@pytest.mark.parametrize("why", RESETS)
def test_all_of_a_distribution_that_began_again_is_new(project: Project, why: str) -> None:
    start, later, after, expected = RESETS[why]
    rows = added(project, point(2, counted(1.0, 2.0), start_time=start), point(1, after, start_time=later))
    assert sums(rows)[1] == expected


@pytest.mark.parametrize(
    ("start", "expected"),
    [(None, (0, 0)), (NOW - 90 * MINUTE, (0, 0)), (NOW - 50 * MINUTE, (2, 3))],
)
def test_a_first_point_adds_something_only_when_it_began_within_the_hour(
    project: Project, start: datetime | None, expected: tuple[int, float]
) -> None:
    assert sums(added(project, point(0, counted(1.0, 2.0), start_time=start))) == [expected]


def test_a_point_before_is_looked_for_an_hour_back_and_across_midnight(project: Project) -> None:
    midnight = NOW.replace(hour=0, minute=0, second=0)
    ago = (NOW - midnight) / MINUTE
    rows = added(
        project,
        point(ago + 62, counted(1.0)),
        point(ago + 1, counted(1.0, 2.0)),
        point(max(ago - 58, 0), counted(1.0, 2.0, 3.0)),
        # Late in the evening the first one is more than a day old, which the platform's own points may not be.
        now=min(NOW, midnight + 60 * MINUTE),
    )
    assert sums(rows) == [(0, 0), (0, 0), (1, 3)]


def test_stale_markers_deltas_and_plain_values_in_between_are_not_compared_with(project: Project) -> None:
    rows = added(
        project,
        point(5, counted(1.0)),
        point(4, counted(9.0), temporality="delta"),
        point(3, None, stale=True),
        point(2, None, metric_value=8.0),
        point(1, counted(1.0, 2.0)),
    )
    assert sums(rows) == [(0, 0), (1, 9), (None, None), (None, None), (1, 2)]
    assert (rows[1]["min"], rows[1]["max"]) == (9, 9)


def test_a_bucket_that_fell_adds_nothing_and_the_others_what_they_gained(project: Project) -> None:
    moved = Distribution(count=5, sum=8.0, buckets={"1": 1, "2": 4})
    rows = added(project, point(2, Distribution(count=4, sum=5.0, buckets={"1": 3, "2": 1})), point(1, moved))
    assert rows[1]["buckets"] == '{"2": 3}'


def test_summaries_keep_their_percentiles_and_have_no_buckets(project: Project) -> None:
    rows = added(
        project,
        point(2, Distribution(count=4, sum=5.0), percentile_95=2.0),
        point(1, Distribution(count=6, sum=9.0), percentile_95=3.0),
    )
    assert [(row["count"], row["value"], row["buckets"], row["percentile_95"]) for row in rows] == [
        (0, None, None, 2),
        (2, 2, None, 3),
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (float("inf"), float("inf"), None),
        (float("nan"), 5.0, None),
        (-1.7e308, 1.7e308, float("inf")),
        (1.0, 1.0 + 5e-324, 0),
        (None, None, pytest.approx(3, rel=0.02)),
    ],
)
def test_sums_that_arithmetic_refuses_stop_nothing(
    project: Project, before: float | None, after: float | None, expected: float | None
) -> None:
    rows = added(
        project,
        point(2, Distribution(count=1, sum=before, buckets={bucket_of(2.0): 1})),
        point(1, Distribution(count=2, sum=after, buckets={bucket_of(2.0): 1, bucket_of(3.0): 1})),
    )
    assert rows[1]["sum"] == expected


def test_plain_points_look_for_nothing(project: Project) -> None:
    assert record_points(project.pk, [PointRecord(metric_name="load", metric_value=1.0)], NOW) == []
    with connection.cursor() as cursor:
        cursor.execute(
            f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM ({increments()}) AS points "
            'WHERE project_id = %s AND "timestamp" > %s',
            [project.pk, NOW - MINUTE],
        )
        plan = [line for (line,) in cursor.fetchall()]
    searches = [line for line in plan if " before" in line and "metric_points" in line]
    assert searches
    assert all("never executed" in line for line in searches)


def test_roll_ups_look_back_at_least_as_far_as_increments() -> None:
    """They read one hour before their window and add up the one hour after a late point again."""
    assert gate.HOUR >= LOOK_BACK

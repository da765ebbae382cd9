"""Charts over HTTP: every aggregation from points of known values, wherever these lie."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from metrics.api import MAX_LINES
from metrics.charting import AGGREGATIONS, elapsed_seconds
from metrics.distribution import Distribution
from metrics.recording import record_points
from metrics.records import PointRecord
from metrics.rollups import POINT_ROLLUP
from projects.models import Project
from storage import partitions
from storage.connections import connect
from storage.rollups import engine
from tests.clients import ProjectClient, client_of

pytestmark = pytest.mark.xdist_group("point-watermark")

CHART = "/api/v1/metric-chart"
NOON = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)


def ask(api: ProjectClient, **query: Any) -> dict[str, Any]:
    answer = api.get(f"{CHART}/?{urlencode(query)}")
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def lines(api: ProjectClient, **query: Any) -> dict[str, list[Any]]:
    """Values of each line, by the text of its labels; the hours around NOON by default."""
    range_asked = {
        "start": NOON.isoformat(),
        "end": (NOON + timedelta(hours=4)).isoformat(),
        "interval": "1h",
    }
    series = ask(api, metric_name="queue", **(range_asked | query))["series"]
    return {
        ",".join(f"{name}={value}" for name, value in sorted(line["labels"].items())): [
            value for _, value in line["points"]
        ]
        for line in series
    }


def send(api: ProjectClient, *points: tuple[float, float], **fields: Any) -> None:
    """(minutes after NOON, value) pairs."""
    batch = [
        {
            "metric_name": "queue",
            "metric_value": value,
            "timestamp": (NOON + timedelta(minutes=minutes)).isoformat(),
            **fields,
        }
        for minutes, value in points
    ]
    answer = api.post("/api/v1/metrics", {"metrics": batch})
    assert answer.json()["accepted"] == len(batch), answer.content


@pytest.fixture(params=["raw", "rolled up", "invalid"])
def settle(request: pytest.FixtureRequest, project: Project) -> Callable[[], None]:
    """Called after points were sent: they stay raw, are rolled up, or wait to be rolled up again."""

    def move() -> None:
        if request.param == "raw":
            return
        with connect() as own:
            own.execute(
                "UPDATE rollup_watermarks SET closed_to = %s WHERE raw_table = %s AND closed_to > %s",
                (NOON - timedelta(hours=1), POINT_ROLLUP.name, NOON - timedelta(hours=1)),
            )
        partitions.ensure(POINT_ROLLUP.minutes.table, [NOON.date(), (NOON + timedelta(hours=4)).date()])
        engine.advance(POINT_ROLLUP, NOON + timedelta(hours=5), lambda: [project.pk])
        if request.param == "invalid":
            engine.invalidate(POINT_ROLLUP, project.pk, NOON, NOON + timedelta(hours=2))

    with connect() as own:
        own.execute(
            "UPDATE rollup_watermarks SET closed_to = %s, closing_to = %s WHERE raw_table = %s",
            (NOON - timedelta(hours=2), NOON - timedelta(hours=2), POINT_ROLLUP.name),
        )
    return move


EXPECTED = {
    "avg": [2.5, 10.0],
    "min": [1.0, 10.0],
    "max": [4.0, 10.0],
    "sum": [10.0, 10.0],
    "count": [4.0, 1.0],
    "last": [2.0, 10.0],
    "p50": [2.0, 10.0],
    "p90": [4.0, 10.0],
    "p95": [4.0, 10.0],
    "p99": [4.0, 10.0],
    # 1 to 3 to 4, then a reset to 2; 2 to 10 over the border.
    "rate": [5 / 3600, 8 / 3600],
}


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_each_aggregation_over_the_hours_of_one_series(
    api: ProjectClient, settle: Callable[[], None], aggregation: str
) -> None:
    send(api, (0, 1), (20, 3), (40, 4), (59, 2), (90, 10))
    settle()
    assert lines(api, aggregation=aggregation) == {"": pytest.approx(EXPECTED[aggregation], rel=0.01)}


@pytest.mark.parametrize(("interval", "counts"), [("1m", [1, 1, 1, 1]), ("30m", [2, 1, 1]), ("2h", [3, 1])])
def test_a_bucket_is_as_long_as_asked_for(
    api: ProjectClient, settle: Callable[[], None], interval: str, counts: list[int]
) -> None:
    send(api, (0, 1), (1, 1), (45, 1), (190, 1))
    settle()
    assert lines(api, aggregation="count", interval=interval) == {"": counts}


def test_days_are_added_up_from_whatever_holds_their_hours(
    api: ProjectClient, settle: Callable[[], None]
) -> None:
    send(api, (0, 1), (61, 3), (122, 5))
    settle()
    body = ask(
        api,
        metric_name="queue",
        aggregation="sum",
        interval="1d",
        start=(NOON - timedelta(days=2)).isoformat(),
    )
    (line,) = body["series"]
    assert body["interval_seconds"] == 86400
    assert sum(value for _, value in line["points"]) == 9
    assert line["points"][0][0].endswith("T00:00:00Z")


def test_a_counter_that_falls_between_two_buckets_began_again(
    api: ProjectClient, settle: Callable[[], None]
) -> None:
    send(api, (58, 500), (59, 900), (61, 30), (62, 90))
    settle()
    assert lines(api, aggregation="rate")[""] == pytest.approx([400 / 3600, 90 / 3600])
    # What came before the range is known from one bucket more.
    later = (NOON + timedelta(hours=1)).isoformat()
    assert lines(api, aggregation="rate", start=later)[""] == pytest.approx([90 / 3600])


def test_rates_of_several_counters_are_added_and_not_mixed(
    api: ProjectClient, settle: Callable[[], None]
) -> None:
    for host, first in (("a", 1000), ("b", 0)):
        send(api, (10, first), (20, first + 60), (70, first + 120), host_name=host)
    settle()
    assert lines(api, aggregation="rate")[""] == pytest.approx([120 / 3600, 120 / 3600])
    assert set(lines(api, aggregation="rate", group_by="host_name")) == {"host_name=a", "host_name=b"}


def test_distributions_merge_and_count_as_all_they_hold(
    api: ProjectClient, project: Project, settle: Callable[[], None]
) -> None:
    parts = [Distribution.of([1000.0] * 10), Distribution.of([-5.0, 0.0, *[10.0] * 88])]
    points = [
        PointRecord(metric_name="queue", distribution=part, timestamp=NOON + timedelta(minutes=number))
        for number, part in enumerate(parts)
    ]
    assert record_points(project.pk, points, datetime.now(UTC)) == []
    settle()
    found = {name: lines(api, aggregation=name)[""][0] for name in AGGREGATIONS}
    assert (found["count"], found["min"], found["max"], found["sum"]) == (100, -5, 1000, 10_875)
    assert (found["p50"], found["p95"]) == (pytest.approx(10, rel=0.01), pytest.approx(1000, rel=0.01))
    assert found["rate"] == pytest.approx(100 / 3600)


def test_given_percentiles_become_the_highest_of_them(api: ProjectClient, settle: Callable[[], None]) -> None:
    for minute, given in enumerate([10.0, 30.0, 20.0]):
        send(api, (minute, 1), percentile_95=given)
    settle()
    assert lines(api, aggregation="p95") == {"": [30]}
    assert lines(api, aggregation="p50") == {}


def test_lines_are_the_label_sets_that_it_is_grouped_by(api: ProjectClient) -> None:
    for host, region in (("a", "eu"), ("b", "eu"), ("c", "us")):
        send(api, (1, 1), host_name=host, tags={"region": region})
    assert lines(api, aggregation="sum") == {"": [3]}
    assert lines(api, aggregation="sum", group_by="region") == {"region=eu": [2], "region=us": [1]}
    assert lines(api, aggregation="sum", group_by="region,colour", host_name="b") == {"region=eu": [1]}
    assert len(lines(api, group_by="*")) == 3
    assert lines(api, aggregation="sum", **{"tags.region": "us"}) == {"": [1]}
    assert lines(api, host_name="nobody") == {}


def test_the_answer_names_its_interval_and_unit(api: ProjectClient) -> None:
    send(api, (1, 1), metric_unit="jobs", host_name="a")
    body = ask(api, metric_name="queue")
    assert (body["interval_seconds"], body["aggregation"], body["unit"]) == (300, "avg", "jobs")
    assert body["truncated"] is False
    (point,) = body["series"][0]["points"]
    assert point == [NOON.isoformat().replace("+00:00", "Z"), 1.0]
    send(api, (1, 1), metric_unit="kilojobs", host_name="b")
    assert ask(api, metric_name="queue")["unit"] == ""


def test_another_project_sees_nothing(api: ProjectClient, other_api: ProjectClient) -> None:
    send(api, (1, 1))
    assert lines(other_api) == {}


def test_a_key_without_the_scope_read_is_refused(project: Project) -> None:
    assert client_of(project, ["ingest"]).get(f"{CHART}/?metric_name=queue").status_code == 403


def test_more_lines_than_are_answered_are_said_to_be_left_out(api: ProjectClient) -> None:
    batch = [
        {"metric_name": "queue", "metric_value": 1, "timestamp": NOON.isoformat(), "host_name": f"h{number}"}
        for number in range(MAX_LINES + 1)
    ]
    assert api.post("/api/v1/metrics", {"metrics": batch}).json()["accepted"] == len(batch)
    body = ask(api, metric_name="queue", group_by="host_name")
    assert (len(body["series"]), body["truncated"]) == (MAX_LINES, True)


@pytest.mark.parametrize("value", [1.7e308, -1.7e308, 5e-324])
def test_values_at_the_edge_of_a_double_stop_no_roll_up(
    api: ProjectClient, settle: Callable[[], None], value: float
) -> None:
    send(api, (1, value), (2, value), (3, -value), (4, value))
    settle()
    for aggregation in AGGREGATIONS:
        assert len(lines(api, aggregation=aggregation)[""]) == 1
    assert lines(api, aggregation="max")[""] == [abs(value)]


@pytest.mark.parametrize(
    ("query", "code", "named"),
    [
        ({}, "invalid", "metric_name"),
        ({"metric_name": ""}, "invalid", "metric_name"),
        ({"metric_name": "queue", "colour": "red"}, "unknown_parameter", "colour"),
        ({"metric_name": "queue", "page_size": "5"}, "unknown_parameter", "page_size"),
        ({"metric_name": "queue", "tags.": "red"}, "unknown_parameter", "tags."),
        ({"metric_name": "queue", "tags.a": "\0"}, "invalid", "NUL"),
        ({"metric_name": "queue", "aggregation": "median"}, "invalid", "aggregation"),
        ({"metric_name": "queue", "interval": "30s"}, "invalid", "interval"),
        ({"metric_name": "queue", "interval": "0m"}, "invalid", "interval"),
        ({"metric_name": "queue", "interval": "1m"}, "too_many_buckets", "1,000"),
        ({"metric_name": "queue", "start": "yesterday"}, "invalid", "start"),
        ({"metric_name": "queue", "start": "2026-02-01", "end": "2026-01-01"}, "invalid", "before"),
        ({"metric_name": "queue", "end": "9999-12-31T23:59:59Z", "interval": "99999d"}, "invalid", "years"),
        ({"metric_name": "queue", "group_by": ",".join(map(str, range(21)))}, "invalid", "group_by"),
    ],
)
def test_what_cannot_be_asked_is_400_and_says_why(
    api: ProjectClient, query: dict[str, str], code: str, named: str
) -> None:
    answer = api.get(f"{CHART}?{urlencode(query)}")
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.content
    assert named in answer.json()["detail"]


@pytest.mark.parametrize("aggregation", ["avg", "rate", "p95"])
def test_the_longest_ranges_are_answered(api: ProjectClient, aggregation: str) -> None:
    send(api, (1, 1))
    body = ask(api, metric_name="queue", start="0", aggregation=aggregation)
    assert len(body["series"]) == 1
    first_days = {"start": "0001-01-01T00:00:00Z", "end": "0001-01-03T00:00:00Z", "interval": "1d"}
    assert ask(api, metric_name="queue", aggregation=aggregation, **first_days)["series"] == []


@pytest.mark.parametrize(
    ("hours", "seconds"), [(1, 60), (30, 300), (24 * 5, 3600), (24 * 30, 6 * 3600), (24 * 180, 86_400)]
)
def test_auto_makes_some_hundred_buckets(api: ProjectClient, hours: int, seconds: int) -> None:
    body = ask(api, metric_name="queue", start=(datetime.now(UTC) - timedelta(hours=hours)).isoformat())
    assert body["interval_seconds"] == seconds


@pytest.mark.parametrize(
    ("passed", "seconds"), [(timedelta(seconds=5), 60), (timedelta(minutes=20), 1200), (timedelta(days=1), 3600),
                            (timedelta(minutes=-5), 3600)]
)  # fmt: skip
def test_the_running_bucket_of_a_rate_is_as_long_as_it_has_run(passed: timedelta, seconds: float) -> None:
    assert elapsed_seconds(NOON, timedelta(hours=1), NOON + passed) == seconds

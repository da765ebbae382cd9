from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks import points, spans
from benchmarks.benchmark import Bench
from benchmarks.events import batch_requests, body_of, make_events, rows_of, single_requests
from benchmarks.progress import Progress
from benchmarks.rows import discover
from benchmarks.traffic import Traffic
from events.records import EVENTS

# Section by section what the project promises to measure.
PROMISED = {
    "ingest_batch",
    "ingest_single",
    "ingest_flat",
    "ingest_spans",
    "ingest_points",
    "dashboard",
    "dashboard_duckdb",
    "rules",
    "purge",
    "memory",
    "time_to_alert",
    "funnel",
    "retention",
    "journey",
}


@pytest.fixture
def bench() -> Bench:
    return Bench("small", Path(tempfile.gettempdir()), ExitStack(), Progress("x", "1/1"))


def test_every_promised_benchmark_is_found_by_its_name() -> None:
    found = {name for benchmark in discover() for name in (benchmark.name, *benchmark.more)}
    assert found >= PROMISED


@pytest.mark.parametrize(("row", "benchmark_name"), [("purge", "purge"), ("funnel_window", "dashboard")])
def test_one_row_can_be_asked_for(row: str, benchmark_name: str) -> None:
    assert [benchmark.name for benchmark in discover(row)] == [benchmark_name]


def test_an_unknown_benchmark_is_refused_with_the_known_names() -> None:
    with pytest.raises(LookupError, match=r"'speed'.*ingest_batch"):
        discover("speed")


@pytest.mark.parametrize("traffic", [spans.TRAFFIC, points.TRAFFIC], ids=["spans", "points"])
def test_requests_of_other_formats_become_the_rows_that_are_copied(traffic: Traffic) -> None:
    (request,) = traffic.make_requests(1, 1, 1000)
    head, _, body = request.partition(b"\r\n\r\n")
    assert b"Content-Type: application/x-protobuf\r\n" in head
    assert f"Content-Length: {len(body)}".encode() in head
    rows = traffic.make_rows(1, 1000, 3)
    keys = {tuple(row[place] for place in traffic.table.key_positions) for row in rows}
    assert (len(rows), len(keys)) == (1000, 1000)
    assert {len(row) for row in rows} == {len(traffic.table.columns)}


def test_sides_take_turns_and_the_first_changes_each_round(bench: Bench) -> None:
    order: list[str] = []

    def side(name: str, value: float) -> float:
        order.append(name)
        return value

    found = bench.alternate(lambda: side("ours", 1), lambda: side("theirs", 2), rounds=3)
    assert found == ([1, 1, 1], [2, 2, 2])
    assert order == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]


def test_a_batch_request_holds_its_events_once() -> None:
    requests = batch_requests(1, 3, 4)
    ids = [
        event["id"]
        for request in requests
        for event in json.loads(request.partition(b"\r\n\r\n")[2])["events"]
    ]
    assert len(requests) == 3
    assert len(set(ids)) == 12


def test_a_single_request_says_how_long_it_is() -> None:
    head, _, body = single_requests(1, 1, "/noop")[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /noop HTTP/1.1\r\n")
    assert f"Content-Length: {len(body)}".encode() in head


def test_rows_for_copy_are_those_that_the_platform_would_store() -> None:
    events = make_events(7, 5)
    rows = rows_of(7, 5, project_id=3)
    assert [str(row[EVENTS.position("id")]) for row in rows] == [event["id"] for event in events]
    assert {row[EVENTS.position("project_id")] for row in rows} == {3}
    assert {len(row) for row in rows} == {len(EVENTS.columns)}
    assert len(body_of(events)) > 5 * 400

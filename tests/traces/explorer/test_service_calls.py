"""Calls between services, counted over a sample of spans."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from traces.explorer.service_calls import (
    SPANS_PER_SLICE,
    Called,
    CallSample,
    Edge,
    covered_seconds,
    edges_of,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def called(
    service: str, span_id: str, parent: str | None = None, *, trace: str = "t", **fields: object
) -> Called:
    given = {"slice": 0, "start_time": NOW, "duration_ms": 10.0, "status": "unset", **fields}
    return Called(trace_id=trace, span_id=span_id, parent_span_id=parent, service_name=service, **given)  # type: ignore[arg-type]  # fields by name


def edges(*spans: Called, seconds: float = 10) -> list[Edge]:
    return edges_of(CallSample(spans, seconds, True))


def test_a_call_is_a_span_under_one_of_another_service() -> None:
    found = edges(
        called("web", "1"),
        called("web", "2", "1"),
        called("api", "3", "2"),
        called("db", "4", "3", status="error"),
    )
    assert [(edge.caller, edge.callee, edge.call_count, edge.error_count) for edge in found] == [
        ("api", "db", 1, 1),
        ("web", "api", 1, 0),
    ]
    assert found[0].rate_per_second == 0.1
    assert found[0].failed == found[0].slowest


def test_equal_span_ids_of_other_traces_and_lost_parents_make_no_call() -> None:
    assert edges(called("web", "1", trace="x"), called("api", "2", "1"), called("db", "3", "gone")) == []


def test_client_and_server_that_share_an_id_are_one_call() -> None:
    found = edges(
        called("web", "1"), called("web", "2", "1"), called("api", "2", "1"), called("api", "3", "2")
    )
    assert [(edge.caller, edge.callee, edge.call_count) for edge in found] == [("web", "api", 1)]


def test_a_database_that_sends_no_spans_is_known_by_those_that_call_it() -> None:
    found = edges(
        called("api", "1", target="postgresql"),
        called("api", "2", target="pay"),
        called("payments", "3", "2"),
    )
    assert [(edge.caller, edge.callee, edge.sends_spans) for edge in found] == [
        ("api", "payments", True),
        ("api", "postgresql", False),
    ]


def test_p95_is_the_nearest_rank() -> None:
    spans = [called("api", f"c{ms}", "1", duration_ms=float(ms)) for ms in range(1, 101)]
    assert edges(called("web", "1"), *spans)[0].p95_ms == 95


def test_full_stretches_cover_only_the_time_since_their_oldest_span() -> None:
    slices = [
        (NOW - timedelta(seconds=200), NOW - timedelta(seconds=100)),
        (NOW - timedelta(seconds=100), NOW),
    ]
    full = [
        called("a", str(n), slice=1, start_time=NOW - timedelta(seconds=5)) for n in range(SPANS_PER_SLICE)
    ]
    assert covered_seconds([called("a", "x"), *full], slices, NOW) == pytest.approx(105)


def test_time_ahead_is_not_covered() -> None:
    assert covered_seconds([], [(NOW - timedelta(seconds=30), NOW + timedelta(hours=1))], NOW) == 30

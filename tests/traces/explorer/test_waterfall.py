"""Which rows of a trace are drawn, which are folded, where their bars lie."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.traces.made_spans import ORIGIN, forest, forests, span
from traces.critical_path import critical_path
from traces.explorer.trace_parts import event_moments
from traces.explorer.waterfall import Lane, Row, choose, draw
from traces.tree import Node, preorder


def rows_of(roots: list[Node], whole_ms: float = 100, limit: int = 1000) -> list[Row]:
    path = critical_path(roots, ORIGIN)
    failed = [node for node in preorder(roots) if node.span.status == "error"]
    return draw(roots, choose(roots, failed, limit), Lane(ORIGIN, whole_ms), path=path, events={})


def test_bars_lie_where_their_spans_ran() -> None:
    row = rows_of(forest(span("r", None, 0, 100), span("a", "r", 25, 75)))[1]
    assert (row.bar.left, row.bar.width) == (25, 50)
    assert [(piece.left, piece.width) for piece in row.critical] == [(25, 50)]


@given(forests(), st.floats(0, 200))
def test_bars_stay_inside_the_lane(roots: list[Node], whole_ms: float) -> None:
    for row in rows_of(roots, whole_ms):
        for piece in (row.bar, *row.critical):
            assert piece.width > 0
            assert 0 <= piece.left < piece.left + piece.width <= 100.001


@given(forests(), st.integers(1, 12))
def test_what_is_drawn_is_a_tree_within_the_limit_and_the_rest_is_counted(
    roots: list[Node], limit: int
) -> None:
    rows = rows_of(roots, limit=limit)
    count = len(list(preorder(roots)))
    assert len(rows) == min(limit, count)
    drawn = choose(roots, [], limit)
    assert all(node.parent in drawn for node in drawn if node.parent)
    # Under roots that are not drawn themselves nothing can say what is missing.
    if all(root in choose(roots, [], limit) for root in roots):
        assert (
            sum(row.missing_count for row in draw(roots, drawn, Lane(ORIGIN, 100), path=[], events={}))
            + len(drawn)
            == count
        )


def test_errors_are_drawn_before_what_is_merely_near_the_root() -> None:
    others = [span(f"n{number}", "r", number, number + 1) for number in range(20)]
    deep = [span("a", "r", 50, 60), span("b", "a", 51, 59), span("c", "b", 52, 58, status="error")]
    drawn = {row.span.span_id for row in rows_of(forest(span("r", None, 0, 100), *others, *deep), limit=6)}
    assert {"r", "a", "b", "c"} <= drawn


def test_many_rows_are_folded_where_they_are_deep_and_tell_nothing() -> None:
    quiet = [span(f"q{number}", "a", 10, 11) for number in range(200)]
    below = [span(f"x{number}", f"q{number}", 10, 10.5) for number in range(100)]
    failed = span("bad", "q0", 10, 10.1, status="error")
    spans = [span("r", None, 0, 100), span("a", "r", 5, 30), *quiet, *below, failed]
    rows = {row.span.span_id: row for row in rows_of(forest(*spans))}
    assert not rows["q1"].is_hidden
    assert rows["x1"].is_hidden
    assert not rows["q1"].is_open
    assert rows["q0"].is_open
    assert not rows["bad"].is_hidden


def test_events_are_marks_in_time_and_those_outside_are_left_out() -> None:
    events = [
        {"name": "cache miss", "timestamp": "2026-01-01T00:00:00.050Z"},
        {"name": "later", "timestamp": "2026-01-01T01:00:00Z"},
        {"name": "no time"},
        {"name": "odd", "timestamp": "yesterday"},
        "no event",
    ]
    root = span("r", None, 0, 100)
    found = {("r", root.start_time): event_moments(events, ORIGIN)}
    row = draw(forest(root), set(nodes := forest(root)), Lane(ORIGIN, 100), path=[], events=found)
    assert row == []
    drawn = draw(nodes, set(nodes), Lane(ORIGIN, 100), path=[], events=found)[0]
    assert [(mark.left, mark.label) for mark in drawn.marks] == [(50, "cache miss")]

"""Two traces path by path."""

from __future__ import annotations

from hypothesis import given

from tests.traces.made_spans import forest, forests, span
from traces.explorer.comparison import compare, signed_duration
from traces.queries import Trace
from traces.tree import Node, preorder


def trace(roots: list[Node]) -> Trace:
    spans = sorted((node.span for node in preorder(roots)), key=lambda one: one.start_time)
    return Trace("t", spans, roots, False)


def test_spans_on_the_same_way_from_the_root_share_a_line() -> None:
    one = span("r", None, 0, 100, operation_name="GET")
    a = trace(
        forest(
            one, span("x", "r", 0, 40, operation_name="query"), span("y", "r", 50, 60, operation_name="query")
        )
    )
    b = trace(
        forest(
            one, span("x", "r", 0, 90, operation_name="query"), span("z", "r", 91, 95, operation_name="log")
        )
    )
    rows = compare(a, b).paths
    assert [(row.operation_name, row.a.span_count, row.b.span_count, row.only_in) for row in rows] == [
        ("GET", 1, 1, None),
        ("query", 2, 1, None),
        ("log", 0, 1, "b"),
    ]
    assert [row.difference for row in rows] == ["-44 ms", "+40 ms", "+4 ms"]


@given(forests(), forests())
def test_every_span_is_counted_on_exactly_one_line(a: list[Node], b: list[Node]) -> None:
    rows = compare(trace(a), trace(b)).paths
    assert sum(row.a.span_count for row in rows) == len(list(preorder(a)))
    assert sum(row.b.span_count for row in rows) == len(list(preorder(b)))


@given(forests())
def test_a_trace_differs_from_itself_in_nothing(roots: list[Node]) -> None:
    compared = compare(trace(roots), trace(roots))
    assert compared.largest_difference_ms == 0
    assert not [row for row in compared.paths if row.only_in or compared.share(row)]


def test_of_too_many_lines_those_that_differ_most_stay() -> None:
    many = [
        span(f"s{number}", "r", number, number + 1, operation_name=f"op{number}") for number in range(600)
    ]
    slow = span("slow", "r", 700, 900, operation_name="slow one")
    a, b = (
        trace(forest(span("r", None, 0, 1000), *many)),
        trace(forest(span("r", None, 0, 1000), *many, slow)),
    )
    compared = compare(a, b)
    assert (len(compared.paths), len(compared.shown)) == (602, 500)
    assert "slow one" in {row.operation_name for row in compared.shown}


def test_differences_have_their_sign() -> None:
    assert [signed_duration(ms) for ms in (1500, -0.25, 0)] == ["+1.5 s", "-0.25 ms", "0 ms"]

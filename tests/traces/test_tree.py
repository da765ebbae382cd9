"""A trace becomes a tree, whatever its spans say about their parents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traces.models import Span
from traces.tree import Node, build_forest, preorder

START = datetime(2026, 1, 1, tzinfo=UTC)


def span(span_id: str, parent: str | None, offset_ms: int = 0) -> Span:
    return Span(span_id=span_id, parent_span_id=parent, start_time=START + timedelta(milliseconds=offset_ms))


def outline(roots: list[Node]) -> str:
    """`a(b c(d))` for a with children b and c, and d under c."""

    def draw(node: Node) -> str:
        inside = " ".join(draw(child) for child in node.children)
        return node.span.span_id + (f"({inside})" if inside else "")

    return " ".join(draw(root) for root in roots)


CASES = [
    ("nothing", [], ""),
    ("children in order of start", [("a", None), ("c", "a"), ("b", "a"), ("d", "c")], "a(c(d) b)"),
    ("a missing parent makes a root", [("a", None), ("b", "gone"), ("c", "b")], "a b(c)"),
    ("its own parent is a root", [("a", "a"), ("b", "a")], "a(b)"),
    ("a ring hangs on its earliest span", [("r", None), ("b", "c"), ("c", "b"), ("x", "c")], "r b(c(x))"),
    ("an empty parent is none", [("a", ""), ("b", "a")], "a(b)"),
    ("children of a shared id hang on the earliest", [("a", None), ("a", None), ("b", "a")], "a(b) a"),
]


@pytest.mark.parametrize(("spans", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_spans_find_their_places(spans: list[tuple[str, str | None]], expected: str) -> None:
    made = [span(span_id, parent, offset) for offset, (span_id, parent) in enumerate(spans)]
    assert outline(build_forest(reversed(made))) == expected


ids = st.sampled_from("abcdefgh")


@given(st.lists(st.tuples(ids, st.none() | ids, st.integers(0, 5)), max_size=30))
def test_every_span_is_in_exactly_one_place(spans: list[tuple[str, str | None, int]]) -> None:
    made = [span(*parts) for parts in spans]
    nodes = list(preorder(build_forest(made)))
    assert sorted(id(node.span) for node in nodes) == sorted(id(one) for one in made)
    assert all(node.depth == (node.parent.depth + 1 if node.parent else 0) for node in nodes)


def test_a_chain_of_ten_thousand_spans_needs_no_recursion() -> None:
    chain = [span(str(n), str(n - 1) if n else None, n) for n in range(10_000)]
    nodes = list(preorder(build_forest(chain)))
    assert [node.depth for node in nodes] == list(range(10_000))

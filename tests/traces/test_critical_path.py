"""What a trace waited for, told by the rule in traces/critical_path.py."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given

from tests.traces.made_spans import ORIGIN, forest, forests, span
from traces.critical_path import Segment, critical_path
from traces.models import Span
from traces.tree import Node, preorder

ROOT = span("r", None, 0, 100)


def words(path: list[Segment]) -> str:
    return " ".join(f"{part.node.span.span_id}:{part.start_ms:.0f}-{part.end_ms:.0f}" for part in path)


CASES = [
    ("a lone span is its own path", [ROOT], "r:0-100"),
    ("the parent waits between its children", [ROOT, span("a", "r", 10, 30), span("b", "r", 40, 90)],
     "r:0-10 a:10-30 r:30-40 b:40-90 r:90-100"),
    ("of two beside each other the one that ended last counts", [ROOT, span("a", "r", 0, 60), span("b", "r", 0, 80)],
     "b:0-80 r:80-100"),
    ("what still ran when the next began did not hold it up",
     [ROOT, span("a", "r", 0, 60), span("b", "r", 50, 100), span("c", "r", 10, 40)], "r:0-10 c:10-40 r:40-50 b:50-100"),
    ("what goes on after its parent counts until the parent's end", [ROOT, span("a", "r", 20, 300)], "r:0-20 a:20-100"),
    ("what begins after its parent's end does not count", [ROOT, span("a", "r", 150, 300)], "r:0-100"),
    ("a grandchild counts inside its parent", [ROOT, span("a", "r", 20, 80), span("b", "a", 30, 70)],
     "r:0-20 a:20-30 b:30-70 a:70-80 r:80-100"),
    ("roots follow each other, and the gap belongs to nobody", [span("a", None, 0, 40), span("b", None, 60, 90)],
     "a:0-40 b:60-90"),
    ("nothing that took no time is waited for", [ROOT, span("a", "r", 50, 50)], "r:0-100"),
]  # fmt: skip


@pytest.mark.parametrize(("spans", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_path_goes_back_from_the_end(spans: list[Span], expected: str) -> None:
    assert words(critical_path(forest(*spans), ORIGIN)) == expected


def test_no_spans_have_no_path() -> None:
    assert critical_path([], ORIGIN) == []


@given(forests())
def test_stretches_never_overlap_and_lie_within_their_spans(roots: list[Node]) -> None:
    path = critical_path(roots, ORIGIN)
    for before, after in itertools.pairwise(path):
        assert before.end_ms <= after.start_ms
    for part in path:
        start, end = part.node.offsets_ms(ORIGIN)
        assert start <= part.start_ms < part.end_ms <= end


@given(forests())
def test_the_path_of_one_root_covers_exactly_its_duration(roots: list[Node]) -> None:
    start, end = roots[0].offsets_ms(ORIGIN)
    covered = sum(part.end_ms - part.start_ms for part in critical_path(roots[:1], ORIGIN))
    assert covered == pytest.approx(end - start)


@given(forests())
def test_a_span_on_the_path_has_its_parent_running_at_that_time(roots: list[Node]) -> None:
    for part in critical_path(roots, ORIGIN):
        if part.node.parent:
            start, end = part.node.parent.offsets_ms(ORIGIN)
            assert start <= part.start_ms
            assert part.end_ms <= end


def test_a_chain_of_ten_thousand_spans_needs_no_recursion() -> None:
    chain = forest(*[span(str(n), str(n - 1) if n else None, n, 20_000 - n) for n in range(10_000)])
    path = critical_path(chain, ORIGIN)
    assert len({id(part.node) for part in path}) == len(list(preorder(chain)))

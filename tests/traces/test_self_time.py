"""How long spans worked themselves."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.traces.made_spans import ORIGIN, forest, forests, span
from traces.critical_path import critical_path
from traces.models import Span
from traces.self_time import self_times_ms
from traces.tree import Node

ROOT = span("r", None, 0, 100)

CASES = [
    ("nothing below", [ROOT], 100),
    ("children beside each other count once", [ROOT, span("a", "r", 10, 50), span("b", "r", 30, 60)], 50),
    ("only what is inside counts", [ROOT, span("a", "r", -20, 10), span("b", "r", 90, 400)], 80),
    (
        "a child before or after does not count",
        [ROOT, span("a", "r", -20, -10), span("b", "r", 200, 400)],
        100,
    ),
    ("a grandchild is not counted twice", [ROOT, span("a", "r", 10, 50), span("b", "a", 20, 90)], 60),
]


@pytest.mark.parametrize(("spans", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_time_in_children_is_not_a_spans_own(spans: list[Span], expected: float) -> None:
    own = {
        node.span.span_id: milliseconds
        for node, milliseconds in self_times_ms(forest(*spans), ORIGIN).items()
    }
    assert own["r"] == pytest.approx(expected)


@given(forests())
def test_a_span_worked_at_least_as_long_as_the_path_was_in_it_and_at_most_its_duration(
    roots: list[Node],
) -> None:
    own = self_times_ms(roots, ORIGIN)
    for node, milliseconds in own.items():
        assert 0 <= milliseconds <= node.span.duration_ms
    assert {part.node for part in critical_path(roots, ORIGIN)} <= own.keys()

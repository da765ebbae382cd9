"""Made-up events and funnels: few names, few moments, many ties."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

NAMES = ("a", "b", "c", "x")

Matcher = dict[str, Any]

NAMED: st.SearchStrategy[Matcher] = st.one_of(
    st.sampled_from(NAMES[:3]).map(lambda name: {"event_name": name}),
    st.builds(lambda: {"any_of": [{"event_name": "a"}, {"event_name": "b"}]}),
)
STEP = st.one_of(NAMED, st.builds(lambda: {"event_name": "a", "filters": {"properties.n": {"greater": 1}}}))
EXCLUDED_NAME: st.SearchStrategy[Matcher] = st.sampled_from([{"event_name": "x"}, {"event_name": "b"}])
EXCLUDED = st.one_of(EXCLUDED_NAME, st.builds(lambda: {"filters": {"properties.n": {"greater": 1}}}))
MINUTES = st.one_of(st.none(), st.integers(1, 6))


@st.composite
def _between(draw: st.DrawFn, steps: int) -> dict[str, int]:
    first = draw(st.integers(1, steps - 1))
    return {"from_step": first, "to_step": draw(st.integers(first + 1, steps))}


def funnels() -> st.SearchStrategy[dict[str, Any]]:
    """The body of a request."""
    return _funnels(["ordered", "ordered", "strict", "any"], STEP, EXCLUDED)


def funnels_of_names() -> st.SearchStrategy[dict[str, Any]]:
    """The body of a request that trails can answer."""
    return _funnels(["ordered", "ordered", "any"], NAMED, EXCLUDED_NAME)


@st.composite
def _funnels(
    draw: st.DrawFn,
    orders: Sequence[str],
    a_step: st.SearchStrategy[Matcher],
    excluded: st.SearchStrategy[Matcher],
) -> dict[str, Any]:
    order = draw(st.sampled_from(orders))
    steps = draw(st.lists(a_step, min_size=1, max_size=4))
    exclusions = draw(st.lists(excluded, max_size=2)) if draw(st.booleans()) else []
    if order != "any":
        for step in steps[1:]:
            step["within_minutes"] = draw(MINUTES)
        if len(steps) > 1:
            exclusions = [{**one, **draw(_between(len(steps)))} for one in exclusions]
    return {
        "steps": steps,
        "order": order,
        "window_minutes": draw(MINUTES),
        "exclusions": exclusions,
    }

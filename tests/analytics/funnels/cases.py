"""Made-up events and funnels: few names, few moments, many ties."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAMES = ("a", "b", "c", "x")

STEP = st.one_of(
    st.sampled_from(NAMES[:3]).map(lambda name: {"event_name": name}),
    st.builds(lambda: {"any_of": [{"event_name": "a"}, {"event_name": "b"}]}),
    st.builds(lambda: {"event_name": "a", "filters": {"properties.n": {"greater": 1}}}),
)
EXCLUDED: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{"event_name": "x"}, {"event_name": "b"}, {"filters": {"properties.n": {"greater": 1}}}]
)
MINUTES = st.one_of(st.none(), st.integers(1, 6))


@st.composite
def _between(draw: st.DrawFn, steps: int) -> dict[str, int]:
    first = draw(st.integers(1, steps - 1))
    return {"from_step": first, "to_step": draw(st.integers(first + 1, steps))}


@st.composite
def funnels(draw: st.DrawFn) -> dict[str, Any]:
    """The body of a request."""
    order = draw(st.sampled_from(["ordered", "ordered", "strict", "any"]))
    steps = draw(st.lists(STEP, min_size=1, max_size=4))
    exclusions = draw(st.lists(EXCLUDED, max_size=2)) if draw(st.booleans()) else []
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

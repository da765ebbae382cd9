"""The search for chains finds what trying all of them finds."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analytics.funnels import any_order
from analytics.funnels.chains import chains_of
from analytics.funnels.occurrences import EXCLUDED_FROM, NOWHERE, Occurrences
from analytics.funnels.parsing import parse_funnel
from analytics.funnels.question import Funnel
from analytics.matchers import matches
from tests.analytics import naive
from tests.analytics.funnels.cases import NAMES, funnels

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
Sent = tuple[str, int, str, int]
"""(unit, minute, name, n)."""

SENT = st.lists(
    st.tuples(st.sampled_from("uv"), st.integers(0, 9), st.sampled_from(NAMES), st.integers(1, 2)),
    max_size=14,
)


def events_of(sent: list[Sent]) -> list[dict[str, Any]]:
    return [
        {
            "id": str(uuid.UUID(int=number)),
            "timestamp": NOON + timedelta(minutes=minute),
            "event_name": name,
            "user_id": unit,
            "properties": {"n": n},
        }
        for number, (unit, minute, name, n) in enumerate(sent)
    ]


def occurrences(units: dict[str, list[naive.Event]], funnel: Funnel) -> Occurrences:
    """What reading from the database makes of the same events."""
    matchers = [(number, step.matcher) for number, step in enumerate(funnel.steps)]
    matchers += [(EXCLUDED_FROM + number, one.matcher) for number, one in enumerate(funnel.exclusions)]
    rows = [
        (unit, (event["timestamp"] - NOON) // timedelta(microseconds=1), marks)
        for unit, events in enumerate(units.values())
        for event in events
        if (marks := sum(1 << bit for bit, matcher in matchers if matches(matcher, event)))
        or funnel.order == "strict"
    ]
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return Occurrences(
        ids=list(units),
        names_of=lambda names: dict(zip(names, names, strict=True)),
        unit=columns[:, 0].astype(np.int32),
        time_us=columns[:, 1],
        marks=columns[:, 2].astype(np.int32),
    )


def body(*names: str, **more: Any) -> dict[str, Any]:
    return {"steps": [{"event_name": name} for name in names], **more}


@settings(max_examples=400)
@given(sent=SENT, asked=funnels(), few=st.sampled_from([0, any_order.FEW]))
@example(
    sent=[("u", 0, "a", 1), ("u", 8, "a", 1), ("u", 9, "b", 1)], asked=body("a", "b", window_minutes=1), few=0
).via("only a later start converts in time")
@example(sent=[("u", 0, "a", 1), ("u", 5, "b", 1)], asked=body("a", "b", window_minutes=5), few=0).via(
    "the window's edge belongs to it"
)
@example(sent=[("u", 0, "b", 1), ("u", 0, "a", 1)], asked=body("a", "b"), few=0).via(
    "equal times, the wrong ids"
)
@example(sent=[("u", 0, "a", 1), ("u", 1, "b", 1)], asked=body("a", "a", "b", order="any"), few=0).via(
    "one a for two"
)
def test_the_search_agrees_with_trying_all_chains(sent: list[Sent], asked: dict[str, Any], few: int) -> None:
    funnel = parse_funnel(asked)
    units = naive.by_unit(events_of(sent), "user_id")
    events = occurrences(units, funnel)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(any_order, "FEW", few)
        chains = chains_of(events, funnel)
    for unit, (name, own) in enumerate(units.items()):
        expected = [event["timestamp"] for event in naive.chain_of(own, funnel)]
        found = [
            NOON + timedelta(microseconds=int(events.time_us[position]))
            for position in chains[unit]
            if position != NOWHERE
        ]
        assert found == expected, name

"""Minutes, scores and who waits, of one person's times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.journeys.measures import (
    Reached,
    Stage,
    complete_minutes,
    earliest,
    efficiency_score,
    stage_minutes,
    waiting_since,
    waits_for,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
STAGES = [
    Stage("start", "Start", None, 1),
    Stage("one", "One", 5, 1),
    Stage("two", "Two", 10, 3),
    Stage("three", "Three", None, 1),
]


def at(*minutes: float | None) -> Reached:
    return [None if one is None else START + timedelta(minutes=one) for one in minutes]


@pytest.mark.parametrize(
    ("reached", "minutes", "complete", "score"),
    [
        (at(0, 5, 15, 100), [5, 10, 85], 100, 100),
        (at(0, 10, 20, 21), [10, 10, 1], 21, 100 * (0.5 + 3 + 1) / 5),
        (at(0, 2, None, None), [2, None, None], None, 20),
        (at(0, None, 20, 30), [None, 20, 10], 30, 100 * (3 * 0.5 + 1) / 5),
        (at(0, None, None, None), [None, None, None], None, 0),
        (at(None, 3, None, 4), [None, None, None], None, None),
        # Later than what comes after it: it doesn't change what came before.
        (at(0, 30, 10, 12), [30, 10, 2], 12, 100 * (5 / 30 + 3 + 1) / 5),
        # Before the start.
        (at(0, -3, 4, -1), [0, 4, 0], 0, 100),
    ],
    ids=["in time", "late", "on the way", "skipped", "begun", "not begun", "out of order", "before"],
)
def test_minutes_and_scores(
    reached: Reached, minutes: list[float | None], complete: float | None, score: float | None
) -> None:
    assert stage_minutes(reached) == minutes
    assert complete_minutes(reached) == complete
    assert efficiency_score(STAGES, reached) == (None if score is None else pytest.approx(score))


@given(st.lists(st.floats(0, 1e5), min_size=2, max_size=8))
def test_stages_of_who_keeps_to_the_order_add_up_to_the_whole(minutes: list[float]) -> None:
    reached = at(*sorted(minutes))
    assert sum(one or 0 for one in stage_minutes(reached)) == pytest.approx(
        complete_minutes(reached), abs=1e-4
    )


@given(st.lists(st.none() | st.floats(-100, 100), min_size=4, max_size=4), st.floats(0, 100))
def test_what_happens_later_changes_nothing_that_was_measured(
    minutes: list[float | None], later: float
) -> None:
    reached = at(0, *minutes[1:])
    newest = max(one for one in reached if one)
    for position, one in enumerate(reached):
        if one is None:
            grown = list(reached)
            grown[position] = newest + timedelta(minutes=later + 0.01)
            for before, after in zip(stage_minutes(reached), stage_minutes(grown), strict=True):
                assert before is None or before == after


def test_who_waits_for_what_and_since_when() -> None:
    assert (waits_for(at(None, 1, 2)), waiting_since(at(None, 1, 2))) == (None, None)
    assert (waits_for(at(0, 1, 2)), waiting_since(at(0, 1, 2))) == (None, None)
    assert (waits_for(at(0, None, None)), waiting_since(at(0, None, None))) == (1, START)
    assert (waits_for(at(0, 4, None)), waiting_since(at(0, 4, None))) == (2, START + timedelta(minutes=4))
    assert (waits_for(at(0, None, 4, None)), waiting_since(at(0, None, 4, None))) == (
        1,
        START + timedelta(minutes=4),
    )


def test_the_earliest_time_of_several_ids_counts() -> None:
    assert earliest([at(0, None, 5), at(None, None, 3)]) == at(0, None, 3)

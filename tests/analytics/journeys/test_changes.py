"""Spans of time that have to be looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from analytics.journeys.changes import Span, merged

START = datetime(2026, 1, 1, tzinfo=UTC)


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


SPANS = st.builds(
    lambda start, length: Span(minute(start), None if length is None else minute(start + length)),
    st.integers(0, 20),
    st.none() | st.integers(1, 5),
)


@given(st.lists(SPANS, max_size=8))
def test_merged_spans_hold_the_same_minutes_and_never_touch(spans: list[Span]) -> None:
    def holds(some: list[Span], number: int) -> bool:
        return any(
            one.start <= minute(number) and (one.end is None or minute(number) < one.end) for one in some
        )

    found = merged(spans)
    assert [holds(found, number) for number in range(40)] == [holds(spans, number) for number in range(40)]
    for before, after in pairwise(found):
        assert before.end is not None
        assert before.end < after.start

"""What is usual at an hour, out of weeks of hourly values."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.rule_types.bands import FARTHEST, NORMAL, Band, bands, blended, filled, overlaps

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)


def weeks_of(count: int, value_at: dict[int, float] | None = None) -> dict[datetime, float]:
    """Hours of weeks that end on MONDAY; `value_at` has values by hour of the week, all others being 10."""
    hours = count * 168
    start = MONDAY - hours * HOUR
    return {start + n * HOUR: (value_at or {}).get(n % 168, 10.0) for n in range(hours)}


def test_an_hour_of_the_week_is_usual_for_itself() -> None:
    band = bands(weeks_of(4, {9: 500.0}), [MONDAY + 9 * HOUR])[MONDAY + 9 * HOUR]
    assert (band.center, band.kind) == (500, "this hour of the week")


def test_one_odd_week_moves_nothing() -> None:
    history = weeks_of(4, {9: 500.0})
    history[MONDAY - WEEK + 9 * HOUR] = 1e6
    assert bands(history, [MONDAY + 9 * HOUR])[MONDAY + 9 * HOUR].center == 500


@pytest.mark.parametrize(
    ("hours", "kind"),
    [
        (3 * 168, "this hour of the week"),
        (3 * 168 - 1, "this hour of the day"),
        (3 * 24, "this hour of the day"),
        (3 * 24 - 1, "all hours"),
        (12, "all hours"),
        (11, ""),
        (0, ""),
    ],
)
def test_with_less_history_coarser_seasons_are_taken(hours: int, kind: str) -> None:
    history = {MONDAY - n * HOUR: 10.0 for n in range(1, hours + 1)}
    found = bands(history, [MONDAY - 3 * 168 * HOUR + 3 * 168 * HOUR])
    assert (found[MONDAY].kind if found else "") == kind


def test_the_spread_is_that_of_normal_values() -> None:
    history = {MONDAY - n * HOUR: 10.0 + (-1) ** n for n in range(1, 13)}
    assert bands(history, [MONDAY])[MONDAY].spread == pytest.approx(NORMAL)


def test_a_line_that_was_flat_has_a_spread_of_a_hundredth() -> None:
    band = bands(weeks_of(4), [MONDAY])[MONDAY]
    assert band.spread == pytest.approx(0.1)
    assert band.deviations(10.05) == pytest.approx(0.5)


@pytest.mark.parametrize(("value", "deviations"), [(0, 0), (1, FARTHEST), (-1, -FARTHEST)])
def test_away_from_what_was_always_zero_is_as_far_as_can_be(value: float, deviations: float) -> None:
    assert Band(0, 0, "all hours").deviations(value) == deviations


def test_hours_without_a_count_are_zeros_from_the_first_on() -> None:
    history = {MONDAY: 3.0, MONDAY + 2 * HOUR: 5.0}
    assert list(filled(history, MONDAY + 4 * HOUR).values()) == [3, 0, 5, 0]
    assert filled({}, MONDAY) == {}


@pytest.mark.parametrize(
    ("minutes_past", "length_minutes", "shares"),
    [
        (60, 60, [1]),
        (30, 60, [0.5, 0.5]),
        (15, 60, [0.75, 0.25]),
        (45, 30, [1]),
        (10, 30, [2 / 3, 1 / 3]),
    ],
)
def test_a_window_is_shared_among_the_hours_it_touches(
    minutes_past: int, length_minutes: int, shares: list[float]
) -> None:
    found = overlaps(MONDAY + timedelta(minutes=minutes_past), length_minutes * 60)
    assert list(found.values()) == pytest.approx(shares)


def test_between_two_hours_the_band_is_between_theirs() -> None:
    both = {MONDAY: Band(10, 1, "x"), MONDAY + HOUR: Band(20, 3, "x")}
    assert blended(both, {MONDAY: 0.5, MONDAY + HOUR: 0.5}) == Band(15, math.hypot(2, 5), "x")
    assert blended(both, {MONDAY + HOUR: 1}) == Band(20, 3, "x")
    assert blended({MONDAY: Band(10, 1, "x")}, {MONDAY: 0.5, MONDAY + HOUR: 0.5}) is None


@given(st.lists(st.floats(-1e9, 1e9), min_size=12, max_size=400), st.floats(-1e9, 1e9))
def test_deviations_are_finite_and_rise_with_the_value(values: list[float], value: float) -> None:
    history = {MONDAY - (n + 1) * HOUR: one for n, one in enumerate(values)}
    band = bands(history, [MONDAY])[MONDAY]
    assert band.spread >= 0
    assert math.isfinite(band.deviations(value))
    assert band.deviations(value) <= band.deviations(value + 1)


@given(st.permutations(list(weeks_of(1).items())))
def test_the_order_of_history_does_not_matter(items: list[tuple[datetime, float]]) -> None:
    assert bands(dict(items), [MONDAY]) == bands(weeks_of(1), [MONDAY])

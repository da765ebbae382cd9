"""Numbers, durations and ages as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from projects import figures

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0"),
        (71.54, "71.5"),
        (-0.00123, "-0.00123"),
        (999.4, "999"),
        (999.6, "1 k"),
        (1234, "1.23 k"),
        (-1_234_567, "-1.23 M"),
        (999_999, "1 M"),
        (3.4e12, "3.4 T"),
        (1e30, "1e+30"),
        (float("nan"), "nan"),
    ],
)
def test_a_number_has_three_digits_and_a_prefix(value: float | None, text: str) -> None:
    assert figures.number(value) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(None, "-"), (0, "0 ms"), (0.25, "0.25 ms"), (12.5, "12.5 ms"), (1930, "1.93 s"), (126_000, "2.1 min")],
)
def test_a_duration_has_the_largest_unit_that_fits(milliseconds: float | None, text: str) -> None:
    assert figures.duration(milliseconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "now"),
        (12, "12 s ago"),
        (300, "5 min ago"),
        (7300, "2 h ago"),
        (90_000, "1 d ago"),
        (-600, "in 10 min"),
    ],
)
def test_an_age_says_how_long_ago(seconds: float, text: str) -> None:
    assert figures.age(NOW - timedelta(seconds=seconds), NOW) == text


def test_an_age_carries_the_exact_time() -> None:
    shown = figures.age_html(NOW - timedelta(hours=3), NOW)
    assert "2026-01-01 09:00:00 UTC" in shown
    assert ">3 h ago<" in shown

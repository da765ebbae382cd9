from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.report import Row, as_json, figure, percentile, table

FASTER = Row("ingest", 0.8, "events/s", ours=[90, 80, 40], theirs=[100, 100, 100], notes=["client CPU 1 %"])
MISSING = Row("dashboard", 100, "ms", "lower", reason="roll-ups come later")


@pytest.mark.parametrize(
    ("better", "ours", "theirs", "ratio"),
    [("higher", 80, 100, 0.8), ("higher", 200, 100, 2), ("lower", 2, 10, 5), ("lower", 10, 5, 0.5)],
)
def test_a_ratio_above_one_is_always_better_for_us(
    better: str, ours: float, theirs: float, ratio: float
) -> None:
    assert Row("x", 1, "s", better, [ours], [theirs]).ratios == [ratio]  # type: ignore[arg-type]  # a plain text here


def test_rounds_are_compared_pair_by_pair() -> None:
    assert Row("x", 1, "s", "higher", [10, 20], [10, 40]).ratios == [1, 0.5]


def test_a_side_with_fewer_rounds_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        _ = Row("x", 1, "s", "higher", [10, 20], [10]).ratios


@pytest.mark.parametrize(
    ("ratios", "reached"), [([0.1, 0.8, 0.9], True), ([0.7, 0.79, 5], False), ([], None)]
)
def test_the_median_decides_whether_a_goal_is_reached(ratios: list[float], reached: bool | None) -> None:
    assert Row("x", 0.8, "s", "higher", ratios, [1] * len(ratios)).is_reached is reached


def test_results_carry_the_promised_keys() -> None:
    measured, missing = json.loads(as_json([FASTER, MISSING]))
    assert measured == {
        "name": "ingest",
        "ratio": {"median": 0.8, "min": 0.4, "max": 0.9},
        "ours": 80,
        "theirs": 100,
        "unit": "events/s",
        "goal": 0.8,
        "rounds": 3,
        "notes": ["client CPU 1 %"],
    }
    assert missing == {
        "name": "dashboard",
        "ratio": None,
        "ours": None,
        "theirs": None,
        "unit": "ms",
        "goal": 100,
        "rounds": 0,
        "reason": "roll-ups come later",
    }


def test_the_table_tells_figures_goals_and_reasons() -> None:
    head, _, ingest, dashboard, *notes = table([FASTER, MISSING]).splitlines()
    assert head.split()[:3] == ["benchmark", "ours", "theirs"]
    assert "0.80 (0.40 to 0.90)" in ingest
    assert ingest.endswith("reached")
    assert dashboard.endswith("not measured")
    assert notes == ["ingest: client CPU 1 %", "dashboard: roll-ups come later"]


@pytest.mark.parametrize(
    ("number", "text"), [(61234.4, "61,234"), (100, "100"), (0.7312, "0.731"), (4.36, "4.36")]
)
def test_figures_are_short(number: float, text: str) -> None:
    assert figure(number) == text


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.95, 95), (0.99, 99), (1, 100)])
def test_a_percentile_is_the_value_of_the_nearest_rank(share: float, value: float) -> None:
    assert percentile(list(range(100, 0, -1)), share) == value


@given(st.lists(st.floats(0, 1e9), min_size=1), st.floats(0.01, 1))
def test_enough_values_lie_at_or_below_a_percentile(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9

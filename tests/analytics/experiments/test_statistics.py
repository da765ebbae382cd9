"""Statistics against published figures, and against what must hold of them."""

from __future__ import annotations

import math
import statistics
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.experiments.best import probabilities
from analytics.experiments.comparing import (
    Difference,
    Interval,
    Numbers,
    Sample,
    Share,
    difference,
    interval_of,
    newcombe,
    wilson,
)
from analytics.experiments.distributions import chi_square_tail, t95, two_sided_normal, two_sided_t
from analytics.experiments.sample_ratio import check

SHARES = st.integers(1, 2000).flatmap(
    lambda people: st.integers(0, people).map(lambda converted: Share(people, converted))
)
FEW_NUMBERS = st.lists(st.integers(-100, 100).map(float), min_size=2, max_size=20)


def numbers(values: list[float]) -> Numbers:
    return Numbers(len(values), statistics.mean(values), statistics.variance(values))


def bounds(found: Interval | None, digits: int = 4) -> tuple[float, float]:
    assert found
    return round(found.low, digits), round(found.high, digits)


def compared(variant: Sample, control: Sample) -> Difference:
    found = difference(variant, control)
    assert found
    return found


# R. G. Newcombe, Interval estimation for the difference between independent proportions, Statistics in Medicine 17
# (1998), table II, method 10.
@pytest.mark.parametrize(
    ("variant", "control", "expected"),
    [
        (Share(70, 56), Share(80, 48), (0.0524, 0.3339)),
        (Share(10, 9), Share(10, 3), (0.1705, 0.8090)),
        (Share(7, 6), Share(7, 2), (0.0582, 0.8062)),
        (Share(56, 5), Share(29, 0), (-0.0381, 0.1926)),
        (Share(10, 0), Share(10, 0), (-0.2775, 0.2775)),
        (Share(10, 10), Share(10, 0), (0.6075, 1.0)),
    ],
    ids=["56/70", "9/10", "6/7", "5/56", "0/10", "10/10"],
)
def test_newcombe_s_own_examples_come_out(
    variant: Share, control: Share, expected: tuple[float, float]
) -> None:
    assert bounds(newcombe(variant, control)) == expected


def test_welch_s_test_says_of_student_s_sleep_data_what_r_says() -> None:
    """Student, The probable error of a mean, Biometrika 6 (1908); R's t.test(extra ~ group, data = sleep)."""
    drug = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    other = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    found = compared(numbers(drug), numbers(other))
    assert found.value == pytest.approx(-1.58)
    assert found.p_value == pytest.approx(0.07939414)
    assert bounds(found.interval, 7) == (-3.3654832, 0.2054832)


def test_mendel_s_peas_are_as_he_planned_and_a_known_mismatch_is_found() -> None:
    """Mendel 1866: round yellow, round green, wrinkled yellow, wrinkled green; chi-square 0.470, p = 0.925."""
    peas = {"ry": 315, "rg": 108, "wy": 101, "wg": 32}
    assert check(peas, {"ry": 9, "rg": 3, "wy": 3, "wg": 1}).p_value == pytest.approx(0.9254, abs=1e-4)
    # Kohavi, Tang, Xu, Trustworthy Online Controlled Experiments (2020), chapter 21: p = 1.8E-6.
    users = check({"control": 821_588, "treatment": 815_482}, {"control": 1, "treatment": 1})
    assert users.p_value == pytest.approx(1.8e-6, rel=0.02)
    assert users.is_mismatch


# Tables of percentage points (Abramowitz and Stegun 26.8 and 26.10).
@pytest.mark.parametrize(
    ("freedom", "t", "square"),
    [(1, 12.70620, 3.84146), (2, 4.30265, 5.99146), (3, 3.18245, 7.81473), (10, 2.22814, 18.3070)],
)
def test_percentage_points_are_those_of_the_tables(freedom: int, t: float, square: float) -> None:
    assert t95(freedom) == pytest.approx(t, abs=1e-5)
    assert two_sided_t(t, freedom) == pytest.approx(0.05, abs=1e-6)
    assert chi_square_tail(square, freedom) == pytest.approx(0.05, abs=1e-6)


def test_the_t_distribution_of_millions_is_the_normal_one() -> None:
    assert t95(5e6) == pytest.approx(1.959964, abs=1e-6)
    assert two_sided_t(2.5, 5e6) == pytest.approx(two_sided_normal(2.5), rel=1e-5)


@given(variant=SHARES, control=SHARES)
def test_a_difference_of_shares_lies_in_its_interval_and_turns_round_with_the_groups(
    variant: Share, control: Share
) -> None:
    found, back = compared(variant, control), compared(control, variant)
    assert found.interval
    assert back.interval
    assert -1 <= found.interval.low <= found.value <= found.interval.high <= 1
    assert (found.value, found.interval.low) == pytest.approx((-back.value, -back.interval.high))
    assert found.p_value == pytest.approx(back.p_value)
    for share in (variant, control):
        own = wilson(share)
        assert 0 <= own.low <= share.converted / share.people <= own.high <= 1


@given(variant=FEW_NUMBERS, control=FEW_NUMBERS)
def test_a_mean_difference_is_significant_exactly_where_its_interval_leaves_out_0(
    variant: list[float], control: list[float]
) -> None:
    found = compared(numbers(variant), numbers(control))
    if found.interval is None:
        assert len(set(variant)) == len(set(control)) == 1
        return
    assert found.p_value is not None
    nearest = min(abs(found.interval.low), abs(found.interval.high))
    if nearest > 1e-6:
        assert (found.p_value < 0.05) == (not found.interval.low < 0 < found.interval.high)


@pytest.mark.parametrize(
    ("variant", "control"),
    [
        (Share(0, 0), Share(5, 1)),
        (Numbers(0, None, None), Numbers(5, 1.0, 2.0)),
    ],
    ids=["share", "mean"],
)
def test_nobody_differs_from_nobody(variant: Sample, control: Sample) -> None:
    assert difference(variant, control) is None
    assert interval_of(variant) is None


def test_one_person_or_no_spread_makes_no_interval() -> None:
    assert compared(Numbers(1, 3.0, None), Numbers(5, 1.0, 2.0)) == Difference(2.0, None, None)
    assert compared(Numbers(3, 3.0, 0.0), Numbers(3, 1.0, 0.0)) == Difference(2.0, None, None)
    assert compared(Share(5, 0), Share(5, 0)).p_value is None


@pytest.mark.parametrize("scale", [1e-160, 1e100], ids=str)
def test_tiny_and_huge_numbers_are_compared_as_well(scale: float) -> None:
    variant, control = (Numbers(50, mean * scale, scale * scale) for mean in (1.5, 1.0))
    found = compared(variant, control)
    # Below the smallest float there is no spread left.
    assert found.interval is None or math.isfinite(found.interval.low)


@settings(max_examples=10)
@given(st.tuples(st.integers(0, 30), st.integers(0, 30)), st.tuples(st.integers(0, 30), st.integers(0, 30)))
def test_the_better_of_two_shares_is_as_probable_as_the_exact_sum_says(
    variant: tuple[int, int], control: tuple[int, int]
) -> None:
    """E. Miller, Formulas for Bayesian A/B Testing (2015), equation 6; (converted, others)."""
    (a, b), (c, d) = ((1 + converted, 1 + others) for converted, others in (variant, control))
    exact = sum(
        math.exp(_beta(c + i, b + d) - math.log(b + i) - _beta(1 + i, b) - _beta(c, d)) for i in range(a)
    )
    samples: dict[str, Any] = {
        "variant": Share(sum(variant), variant[0]),
        "control": Share(sum(control), control[0]),
    }
    if not sum(variant) or not sum(control):
        assert probabilities(samples, is_lower_better=False) is None
        return
    found = probabilities(samples, is_lower_better=False)
    assert found
    assert found["variant"] == pytest.approx(exact, abs=0.008)
    assert sum(found.values()) == pytest.approx(1)
    turned = probabilities(samples, is_lower_better=True)
    assert turned
    assert turned["control"] == pytest.approx(found["variant"], abs=1e-9)


def _beta(a: float, b: float) -> float:
    """The logarithm of the beta function."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def test_equal_variants_share_the_chance_and_the_clear_winner_has_it() -> None:
    nothing = Numbers(10, 0.0, 0.0)
    assert probabilities({"a": nothing, "b": nothing}, is_lower_better=False) == {"a": 0.5, "b": 0.5}
    three = {"a": Numbers(100, 1.0, 1.0), "b": Numbers(100, 9.0, 1.0), "c": Numbers(100, 2.0, 1.0)}
    found = probabilities(three, is_lower_better=False)
    assert found == {"a": 0.0, "b": 1.0, "c": 0.0}
    assert probabilities({"a": nothing, "b": Numbers(1, 5.0, None)}, is_lower_better=False) is None

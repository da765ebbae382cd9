"""Whether people are shared out as planned. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analytics.experiments.distributions import chi_square_tail

MISMATCH_BELOW = 0.001
"""Kohavi, Tang, Xu, Trustworthy Online Controlled Experiments (2020), chapter 21: so rare that something is broken."""

FEWEST_EXPECTED = 5
"""In each variant; with fewer the test says nothing (W. G. Cochran, Biometrics 10, 1954)."""


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """People by variant, how many were expected, and how often chance alone is as uneven: None where nothing says."""

    people: Mapping[str, int]
    expected: Mapping[str, float]
    p_value: float | None

    @property
    def is_mismatch(self) -> bool:
        return self.p_value is not None and self.p_value < MISMATCH_BELOW


def check(people: Mapping[str, int], weights: Mapping[str, float]) -> SampleRatio:
    """Pearson's chi-square test of the people of each variant against the weights, which are of the same variants."""
    total, weight = sum(people.values()), sum(weights.values())
    expected = {variant: total * weights[variant] / weight for variant in people}
    if len(people) < 2 or min(expected.values()) < FEWEST_EXPECTED:
        return SampleRatio(people, expected, None)
    square = sum((people[variant] - mean) ** 2 / mean for variant, mean in expected.items())
    return SampleRatio(people, expected, chi_square_tail(square, len(people) - 1))

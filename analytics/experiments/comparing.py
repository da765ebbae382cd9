"""Two groups compared: the difference, how far off it may be, and how often chance alone makes as much. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from analytics.experiments.distributions import Z95, t95, two_sided_normal, two_sided_t


@dataclass(frozen=True, slots=True)
class Share:
    """Of `people`, `converted` did it."""

    people: int
    converted: int

    @property
    def value(self) -> float | None:
        return self.converted / self.people if self.people else None


@dataclass(frozen=True, slots=True)
class Numbers:
    """One number a person; `variance` is that of a sample (divided by people - 1), None for fewer than two people."""

    people: int
    mean: float | None
    variance: float | None

    @property
    def value(self) -> float | None:
        return self.mean

    @property
    def error_squared(self) -> float | None:
        """Of the mean."""
        return None if self.variance is None else self.variance / self.people


Sample = Share | Numbers


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """`value` is that of the variant minus that of the control, with a 95 % interval where one can be given."""

    value: float
    interval: Interval | None
    p_value: float | None


def interval_of(sample: Sample) -> Interval | None:
    """95 % interval of a share (Wilson) or of a mean (Student's t); None where there is too little."""
    if isinstance(sample, Share):
        return wilson(sample) if sample.people else None
    if sample.mean is None or sample.error_squared is None:
        return None
    reach = t95(sample.people - 1) * math.sqrt(sample.error_squared)
    return Interval(sample.mean - reach, sample.mean + reach)


def difference(variant: Sample, control: Sample) -> Difference | None:
    """Shares by Newcombe's interval and the z-test, means by Welch's t-test; None where one of them has nobody."""
    if isinstance(variant, Share) and isinstance(control, Share):
        return _of_shares(variant, control)
    if isinstance(variant, Numbers) and isinstance(control, Numbers):
        return _of_means(variant, control)
    raise TypeError("A share and numbers can't be compared.")


def wilson(share: Share) -> Interval:
    """The score interval of a share (E. B. Wilson, JASA 22, 1927), in [0, 1] also for none and for all."""
    n, p, z = share.people, share.converted / share.people, Z95
    middle = p + z * z / (2 * n)
    reach = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = ((middle + sign * reach) / (1 + z * z / n) for sign in (-1, 1))
    # Rounding must not move what is exactly 0 or 1.
    return Interval(low if share.converted else 0.0, high if share.converted < n else 1.0)


def _of_shares(variant: Share, control: Share) -> Difference | None:
    if not variant.people or not control.people:
        return None
    value = variant.converted / variant.people - control.converted / control.people
    return Difference(value, newcombe(variant, control), _z_test(variant, control))


def newcombe(variant: Share, control: Share) -> Interval:
    """Of the difference of two shares: the hybrid score interval (R. G. Newcombe, Stat. Med. 17, 1998, method 10)."""
    p, q = variant.converted / variant.people, control.converted / control.people
    own, other = wilson(variant), wilson(control)
    low = p - q - math.hypot(p - own.low, other.high - q)
    high = p - q + math.hypot(own.high - p, q - other.low)
    return Interval(low, high)


def _z_test(variant: Share, control: Share) -> float | None:
    """Two-sided, with the pooled share (Fleiss, Levin, Paik, Statistical Methods for Rates and Proportions, 3.3)."""
    people = variant.people + control.people
    pooled = (variant.converted + control.converted) / people
    error_squared = pooled * (1 - pooled) * (1 / variant.people + 1 / control.people)
    if not error_squared:
        return None
    value = variant.converted / variant.people - control.converted / control.people
    return two_sided_normal(value / math.sqrt(error_squared))


def _of_means(variant: Numbers, control: Numbers) -> Difference | None:
    """B. L. Welch's test for unequal variances (Biometrika 34, 1947)."""
    if variant.mean is None or control.mean is None:
        return None
    value = variant.mean - control.mean
    errors = (variant.error_squared, control.error_squared)
    if errors[0] is None or errors[1] is None or not (total := errors[0] + errors[1]):
        return Difference(value, None, None)
    # As shares of the sum: the squares of small or huge ones would be 0 or infinite.
    parts = (errors[0] / total, errors[1] / total)
    freedom = 1 / (parts[0] ** 2 / (variant.people - 1) + parts[1] ** 2 / (control.people - 1))
    error = math.sqrt(total)
    reach = t95(freedom) * error
    return Difference(value, Interval(value - reach, value + reach), two_sided_t(value / error, freedom))

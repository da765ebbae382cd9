"""What an experiment says, in sentences, and what each statistic means. Pure."""

from __future__ import annotations

from typing import Final

from analytics.experiments.comparing import Difference
from analytics.experiments.results import MetricFigures, VariantFigures
from analytics.experiments.sample_ratio import MISMATCH_BELOW
from analytics.models.experiments import MetricKind
from projects import figures

STATISTICS: Final = {
    "value_interval": "Of a share: Wilson's score interval (1927); of a mean: Student's t. In 95 of 100 experiments "
    "such an interval holds the true value.",
    "difference_interval": "Of shares: Newcombe's hybrid score interval (1998, method 10); of means: Welch's t "
    "interval (1947). 95 %; while it holds 0, no difference is shown.",
    "p_value": "How often chance alone makes a difference at least as large in either direction, if there is none. Of "
    "shares: two-sided z-test with the pooled share; of means: Welch's t-test. It counts once, when the planned "
    "number of people is reached.",
    "best_ratio": "The probability that the variant is the best one, given these figures and nothing known before: a "
    "uniform prior for shares, the usual uninformative one for means; 100,000 draws with a fixed seed, good to 0.3 "
    "points.",
    "sample_ratio": "Pearson's chi-square test of the people of each variant against the planned shares; below "
    f"p = {MISMATCH_BELOW} something is broken (Kohavi, Tang, Xu, 2020).",
}
"""Each statistic by its name in the API: which one it is, and what it says."""

SURE_FROM_RATIO = 0.9995
"""More than that is written as "more than 99.9 %": the draws know no better."""


def conclusion(metric: MetricFigures, row: VariantFigures) -> str:
    """One sentence about a variant in a metric: how much more or less, how sure, how probably the best."""
    if row.sample.value is None:
        return f"{row.variant}: nobody yet." if not row.sample.people else f"{row.variant}: no numbers yet."
    is_share = metric.metric.kind == MetricKind.CONVERSION
    value = amount(row.sample.value, is_share=is_share)
    if row.is_control:
        return f"{row.variant} is the control: {value}{_best(row)}."
    if row.difference is None:
        return f"{row.variant}: {value}{_best(row)}."
    verb = "converts" if is_share else "has"
    told = f"{row.variant} {verb} {_more(row.difference.value, is_share)} than the control"
    if row.difference.interval is None:
        return f"{told}; too few people, or no spread, to say how sure that is{_best(row)}."
    shown = "" if is_shown(row.difference) else "No difference is shown: "
    return f"{shown}{told}, 95 % interval {_range(row.difference, is_share)}{_best(row)}."


def is_shown(difference: Difference) -> bool:
    """Whether the interval leaves 0 out."""
    reach = difference.interval
    return reach is not None and not reach.low <= 0 <= reach.high


def amount(value: float, *, is_share: bool) -> str:
    """12.5 % of a share, 1.23 k of a mean."""
    return figures.percent(value) if is_share else figures.number(value)


def signed(value: float, *, is_share: bool) -> str:
    """+1.8 points, -12.3"""
    return f"{'+' if value > 0 else ''}{_size(value, is_share)}"


def probability(ratio: float | None) -> str:
    """98 %, and 99.2 % where it is near to sure; never 0 or 100, which nothing shows."""
    if ratio is None:
        return figures.NOTHING
    if ratio > SURE_FROM_RATIO:
        return "> 99.9 %"
    if ratio < 1 - SURE_FROM_RATIO:
        return "< 0.1 %"
    return f"{100 * ratio:.1f} %" if min(ratio, 1 - ratio) < 0.01 else f"{100 * ratio:.0f} %"


def p_words(p_value: float | None) -> str:
    if p_value is None:
        return figures.NOTHING
    return "< 0.0001" if p_value < 0.0001 else f"{p_value:.2g}"


def _more(value: float, is_share: bool) -> str:
    if value == 0:
        return "not more and not less"
    return f"{_size(abs(value), is_share)} {'more' if value > 0 else 'less'}"


def _range(difference: Difference, is_share: bool) -> str:
    assert difference.interval
    low, high = difference.interval.low, difference.interval.high
    if low >= 0:
        return f"{_number(low, is_share)} to {_size(high, is_share)} more"
    if high <= 0:
        return f"{_number(-high, is_share)} to {_size(-low, is_share)} less"
    return f"{_size(-low, is_share)} less to {_size(high, is_share)} more"


def _size(value: float, is_share: bool) -> str:
    return f"{_number(value, is_share)} points" if is_share else _number(value, is_share)


def _number(value: float, is_share: bool) -> str:
    return figures.number(100 * value) if is_share else figures.number(value)


def _best(row: VariantFigures) -> str:
    return "" if row.best_ratio is None else f"; {probability(row.best_ratio)} likely the best"

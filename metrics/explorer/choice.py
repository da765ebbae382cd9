"""What the explorer's URL asks for, under the names of the API's chart. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import get_args

from metrics.charting import AGGREGATIONS, Aggregation
from metrics.filters import MetricSeriesFilterSet
from metrics.models import MetricType
from metrics.series import COPIED_LABELS
from projects.pages.page import Problem

MAX_METRICS = 4
MAX_GROUP_BY = 20

FILTERS = (*COPIED_LABELS, "metric_type", "metric_unit")
"""Parameters that filter, beside `tags.<label>`."""

COMPARISONS = {"before": "The time before", "week": "The week before"}
SCALES = {"fitted": "Fitted to the values", "log": "Logarithmic"}
AGGREGATION_WORDS: Mapping[Aggregation, str] = {
    "avg": "Average",
    "min": "Smallest value",
    "max": "Largest value",
    "sum": "Sum",
    "count": "Number of values",
    "last": "Newest value",
    "p50": "Median (p50)",
    "p90": "p90",
    "p95": "p95",
    "p99": "p99",
    "rate": "Rate per second",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which metrics, and how they are drawn. An empty `aggregation` goes by each metric's type."""

    names: tuple[str, ...]
    aggregation: Aggregation | None = None
    group_by: tuple[str, ...] = ()
    filters: Mapping[str, str]
    compare: str = ""
    scale: str = ""

    def aggregation_of(self, metric_type: str) -> Aggregation:
        return self.aggregation or usual_aggregation(metric_type)

    def shift(self, length: timedelta) -> timedelta | None:
        """How much earlier the stretch lies that this one, of this length, is compared with; None: with nothing."""
        return {"before": length, "week": timedelta(days=7)}.get(self.compare)


def usual_aggregation(metric_type: str) -> Aggregation:
    """What one mostly wants to see of a metric: how fast it counts, how slow the slow ones are, how high it stands."""
    usual: dict[str, Aggregation] = {
        MetricType.COUNTER: "rate",
        MetricType.HISTOGRAM: "p95",
        MetricType.TIMER: "p95",
    }
    return usual.get(metric_type, "avg")


def choice_of(parameters: Mapping[str, str]) -> Choice:
    """Raises Problem, in plain words, for what can't be drawn."""
    names = names_in(parameters.get("metric_name", ""))
    if len(names) > MAX_METRICS:
        raise Problem(f"At most {MAX_METRICS} metrics fit into one chart. Remove some.")
    group_by = names_in(parameters.get("group_by", ""))
    if len(group_by) > MAX_GROUP_BY:
        raise Problem(f"Lines can be told apart by at most {MAX_GROUP_BY} labels. Remove some.")
    return Choice(
        names=names,
        aggregation=_aggregation(parameters.get("aggregation", "")),
        group_by=group_by,
        filters=filters_in(parameters),
        compare=_one_of(COMPARISONS, parameters.get("compare", ""), "comparison"),
        scale=_one_of(SCALES, parameters.get("scale", ""), "axis"),
    )


def filters_in(parameters: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in parameters.items()
        if name in FILTERS or (name.startswith("tags.") and MetricSeriesFilterSet.knows(name))
    }


def names_in(text: str) -> tuple[str, ...]:
    """`a,b` as names, each once."""
    return tuple(dict.fromkeys(name for name in text.split(",") if name))


def existing(choice: Choice, text: str, known: Iterable[str]) -> tuple[str, ...]:
    """The metrics that are meant: all of the URL's text, commas and all, where one has just that name."""
    return (text,) if text in set(known) else choice.names


def _aggregation(text: str) -> Aggregation | None:
    if text and text not in get_args(Aggregation):
        raise Problem(f"There is no aggregation {text[:20]!r}: choose one of {', '.join(AGGREGATIONS)}.")
    return next((one for one in AGGREGATIONS if one == text), None)


def _one_of(known: Mapping[str, str], text: str, what: str) -> str:
    if text and text not in known:
        raise Problem(f"There is no {what} {text[:20]!r}: choose one of {', '.join(known)}.")
    return text

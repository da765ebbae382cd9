"""The labels of what is drawn, with how many series have each value: what one can filter and group by. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from metrics.models import MetricSeries
from metrics.series import COPIED_LABELS

MAX_LABELS = 24
MAX_VALUES = 40


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a label and how many series have it."""

    text: str
    series_count: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Label:
    """`parameter` is its name in URLs; `left_out` counts the values that are not listed."""

    name: str
    parameter: str
    values: Sequence[Value]
    left_out: int


def labels_of(series: Iterable[MetricSeries], filters: Mapping[str, str]) -> list[Label]:
    """First those that differ among the series, then the others; each with its most frequent values."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for one in series:
        for name, value in one.labels.items():
            counts[name][value] += 1
    ordered = sorted(counts, key=lambda name: (len(counts[name]) == 1, name))
    return [_label(name, counts[name], filters) for name in ordered[:MAX_LABELS]]


def parameter_of(name: str) -> str:
    """What filters by a label in URLs."""
    return name if name in COPIED_LABELS else f"tags.{name}"


def _label(name: str, counts: Counter[str], filters: Mapping[str, str]) -> Label:
    parameter = parameter_of(name)
    chosen = filters.get(parameter)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    values = [Value(text, count, text == chosen) for text, count in ordered[:MAX_VALUES]]
    return Label(name, parameter, values, max(len(ordered) - MAX_VALUES, 0))

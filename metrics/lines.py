"""Which series of a chart make one line: those with the same values of the labels it is grouped by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from metrics.models import MetricSeries

EVERY_LABEL = "*"

LabelSet = dict[str, str]


@dataclass(slots=True)
class Line:
    """`labels` are those it stands for; `units` those of its series."""

    labels: LabelSet
    series_ids: list[int] = field(default_factory=list)
    units: set[str] = field(default_factory=set)


def lines_of(series: Iterable[MetricSeries], group_by: Sequence[str]) -> list[Line]:
    """Lines in order of their labels. A label that a series doesn't have is left out."""
    found: dict[tuple[tuple[str, str], ...], Line] = {}
    for one in series:
        labels = _labels(one, group_by)
        line = found.setdefault(tuple(sorted(labels.items())), Line(labels))
        line.series_ids.append(one.pk)
        line.units.add(one.unit)
    return [found[key] for key in sorted(found)]


def _labels(series: MetricSeries, group_by: Sequence[str]) -> LabelSet:
    """As rules read `group_by`: a label, else a column; `tags.<label>` names a label too."""
    if EVERY_LABEL in group_by:
        return dict(series.labels)
    columns = {"metric_type": series.metric_type, "metric_unit": series.unit}
    named = {
        name: series.labels.get(name) or series.labels.get(name.removeprefix("tags.")) or columns.get(name)
        for name in group_by
    }
    return {name: value for name, value in named.items() if value}

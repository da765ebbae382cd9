"""What was measured as people see it: lines with names and gaps, a row for each, a threshold to begin with. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from metrics.chart import split_at_gaps
from metrics.charting import Points
from metrics.explorer.choice import Choice
from metrics.explorer.measuring import Found, Measured, key_of
from metrics.lines import EVERY_LABEL
from metrics.models import MetricExemplar
from projects.pages.charts import COLOURS, MAX_LINES, Line
from projects.pages.charts import Points as PointsWithGaps

MAX_NAME = 120

Earlier = Mapping[tuple[str, tuple[tuple[str, str], ...]], Points]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line in the table below the chart; its figures are of the buckets. `colour` is "" where it isn't drawn."""

    name: str
    colour: str
    unit: str
    line: Measured
    last: float
    lowest: float
    highest: float
    mean: float


def ranked(lines: Sequence[Measured]) -> list[Measured]:
    """Those with the highest values first; what has no finite value comes last."""
    return sorted(
        lines,
        key=lambda line: (
            -max(map(abs, line.values), default=-1.0),
            line.metric,
            sorted(line.labels.items()),
        ),
    )


def drawn(lines: Sequence[Measured]) -> Sequence[Measured]:
    """Of ranked lines, those that the chart has room for."""
    return lines[:MAX_LINES]


def chart_lines(
    lines: Sequence[Measured], before: Earlier, before_words: str, namer: Callable[[Measured], str]
) -> list[Line]:
    """Each line, and dashed in the same colour what it was before."""
    shown = [Line(namer(line), with_gaps(line.points), colour=number) for number, line in enumerate(lines)]
    shown += [
        Line(
            f"{namer(line)}, {before_words.lower()}",
            with_gaps(before[key_of(line)]),
            dashed=True,
            colour=number,
        )
        for number, line in enumerate(lines)
        if key_of(line) in before
    ]
    return shown


def exemplar_line(found: Sequence[MetricExemplar], url_of: Callable[[str], str]) -> Line | None:
    """Dots that lead to their traces."""
    if not found:
        return None
    points = [(one.timestamp, one.value) for one in found]
    return Line("traces", points, state="quiet", dots=True, urls=[url_of(one.trace_id) for one in found])


def with_gaps(points: Points) -> PointsWithGaps:
    """An empty value wherever data is missing for long, so that no line is drawn over it."""
    pieces: list[tuple[datetime, float | None]] = []
    for run in split_at_gaps(points):
        if pieces:
            last = pieces[-1][0]
            pieces.append((last + (run[0][0] - last) / 2, None))
        pieces += run
    return pieces


def namer_of(choice: Choice, lines: Sequence[Measured]) -> Callable[[Measured], str]:
    """Names that tell the lines of one chart apart, and no more: labels, and the metric where there are several."""
    metrics = {line.metric for line in lines}
    has_one_label = len(choice.group_by) == 1 and EVERY_LABEL not in choice.group_by

    def name(line: Measured) -> str:
        what = f"{line.aggregation} {line.metric}"
        if not choice.group_by:
            return what
        values = [value if has_one_label else f"{key}={value}" for key, value in sorted(line.labels.items())]
        labels = ", ".join(values) or f"no {' or '.join(choice.group_by)}"
        text = f"{what} {labels}" if len(metrics) > 1 else labels
        return text if len(text) <= MAX_NAME else f"{text[: MAX_NAME - 1]}…"

    return name


def rows_of(lines: Sequence[Measured], namer: Callable[[Measured], str]) -> list[Row]:
    """One for each ranked line that has a finite value."""
    return [
        Row(
            name=namer(line),
            colour=COLOURS[number % len(COLOURS)] if number < MAX_LINES else "",
            unit=unit_of([line]),
            line=line,
            last=line.values[-1],
            lowest=min(line.values),
            highest=max(line.values),
            mean=sum(value / len(line.values) for value in line.values),
        )
        for number, line in enumerate(lines)
        if line.values
    ]


def unit_of(lines: Sequence[Measured]) -> str:
    """The unit that all lines share; "" where they differ or have none."""
    units = {_unit(line) for line in lines}
    return units.pop() if len(units) == 1 else ""


def suggested_threshold(lines: Sequence[Measured]) -> float | None:
    """What 99 of 100 of the values shown stay under, in three digits; None without values."""
    values = sorted(value for line in lines for value in line.values)
    return float(f"{values[-1 - (len(values) - 1) // 100]:.3g}") if values else None


def notes_of(found: Found, interval_words: str, exemplar_count: int) -> list[str]:
    notes = [f"Each point stands for {interval_words}."]
    if found.unread:
        notes.append(
            f"{found.unread:,} more sets of labels were not looked at: filter by a label to see them."
        )
    if exemplar_count:
        notes.append("Dots are single measurements: click one for its trace.")
    return notes


def _unit(line: Measured) -> str:
    if line.aggregation == "count" or len(line.units) > 1:
        return ""
    unit = next(iter(line.units), "")
    return f"{unit}/s" if line.aggregation == "rate" else unit

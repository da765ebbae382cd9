"""Counts as a chart: stacked bars over time, the most frequent values each with a colour of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from events.explorer.counts import Counts, Group, others
from events.explorer.summaries import state_of
from projects.pages.charts import MAX_LINES, Band, Line, TimeChart
from projects.pages.overlays import DEPLOYS, overlay_url
from projects.pages.scope import Scope

NOTHING = "(none)"
"""What events are called that have no value in the field."""


def chart_of(counts: Counts, scope: Scope, by: str) -> TimeChart:
    """`by` is the field that the reader chose; "" tells errors from all others."""
    window = counts.window
    bands: list[Band] = []
    if counts.read_back_to:
        bands.append(Band(window.start, counts.read_back_to, "not read", "quiet"))
    return TimeChart(
        id="event-counts",
        title=f"Events by {by}" if by else "Events",
        lines=_lines(counts, by),
        start=window.start,
        end=window.end,
        kind="stacked",
        bar_length=window.interval,
        zone=scope.zone,
        bands=bands,
        height=240,
        overlays=[overlay_url(scope, DEPLOYS)],
    )


def _lines(counts: Counts, by: str) -> list[Line]:
    if not counts.event_count:
        return []
    return _by_value(counts) if by else _errors_and_others(counts)


def _errors_and_others(counts: Counts) -> list[Line]:
    quiet = [total - errors for total, errors in zip(counts.totals, counts.errors, strict=True)]
    return [
        _line("Events without errors", counts, quiet, "quiet"),
        _line("Errors", counts, counts.errors, "error"),
    ]


def _by_value(counts: Counts) -> list[Line]:
    shown = counts.groups[:MAX_LINES]
    lines = [_line(group.value or NOTHING, counts, group.counts, _state(counts, group)) for group in shown]
    left_out = len(counts.groups) - len(shown)
    if left_out or counts.has_more_groups:
        more = "+" if counts.has_more_groups else ""
        lines.append(_line(f"{left_out}{more} others", counts, others(counts, shown), "quiet"))
    return lines


def _state(counts: Counts, group: Group) -> str:
    """Severities mean states; values of other fields have colours that mean nothing."""
    return state_of(group.value) if counts.by == "severity" else ""


def _line(name: str, counts: Counts, values: Sequence[int], state: str = "") -> Line:
    return Line(name, list(zip(counts.window.buckets, _read(counts, values), strict=True)), state)


def _read(counts: Counts, values: Sequence[int]) -> list[float | None]:
    """Buckets that were not read are gaps, not zeros."""

    def is_read(bucket: datetime) -> bool:
        return counts.read_back_to is None or bucket + counts.window.interval > counts.read_back_to

    return [
        value if is_read(bucket) else None
        for bucket, value in zip(counts.window.buckets, values, strict=True)
    ]

"""How many events a selection has over time and by the values of a field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from events.explorer.selection import Selection
from events.queries import summary
from events.rollups import MINUTE_DIMENSIONS
from projects.pages.time_range import HOUR
from storage.rollups.summaries import Question
from storage.rollups.windows import Window

COUNT, ERRORS = "event_count", "error_count"
LONG = 12 * HOUR
"""Ranges of which raw events take too long to count: better fewer, exact buckets than none."""
MAX_GROUPS = 200


@dataclass(slots=True)
class Group:
    """The events with one value of the field (None: without one), by bucket and in all."""

    value: str | None
    counts: list[int]
    error_count: int = 0

    @property
    def event_count(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """Different users of the events, in all and by value.

    `days_from`: counted by whole days in UTC from then on; `read_back_to`: older events were not looked at for lack of
    time. Both None where they are those of the events that are counted.
    """

    count: int
    by_value: Mapping[str | None, int]
    days_from: datetime | None = None
    read_back_to: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Counts:
    """Groups with most events first; `totals` and `errors` by bucket are of all events, also of groups left out."""

    by: str
    window: Window
    groups: list[Group] = field(default_factory=list)
    totals: list[int]
    errors: list[int]
    users: Users | None = None
    """None where it isn't known."""
    is_rolled_up: bool = False
    read_back_to: datetime | None = None
    """What is older was not read for lack of time; None where everything was."""
    has_more_groups: bool = False

    @property
    def event_count(self) -> int:
        return sum(self.totals)

    @property
    def error_count(self) -> int:
        return sum(self.errors)


@dataclass(frozen=True, kw_only=True)
class SelectedQuestion(Question):
    """A question whose condition is more than equal to."""

    selection: Selection

    @property
    def dimensions(self) -> set[str]:
        return {*self.group_by, *(self.selection.dimensions or ())}

    @property
    def where(self) -> str:
        return f"({self.selection.condition.named('selected')[0]})"

    @property
    def parameters(self) -> dict[str, Any]:
        return {**super().parameters, **self.selection.condition.named("selected")[1]}


def rolled_up_window(selection: Selection, by: str) -> Window | None:
    """The buckets in which roll-ups answer this; None where raw events have to be read."""
    asked = selection.dimensions
    if asked is None:
        return None
    time_range, dimensions = selection.scope.range, {*asked, by}
    window = time_range.window()
    if window.tier != "minutes" or dimensions <= set(MINUTE_DIMENSIONS):
        return window
    return time_range.window(shortest=HOUR) if time_range.length >= LONG else None


def count_rolled_up(selection: Selection, by: str, window: Window) -> Counts:
    """Two reads of roll-ups: of all events, and of the most frequent values. `by` is one of the dimensions."""

    def ask(group_by: Sequence[str], limit: int) -> Any:
        return summary(
            SelectedQuestion(
                project_id=selection.project_id,
                window=window,
                group_by=group_by,
                measures=[COUNT, ERRORS],
                limit=limit,
                selection=selection,
            )
        )

    nothing = [0] * window.bucket_count
    whole = ask((), 1)
    groups = ask((by,), MAX_GROUPS + 1)
    return Counts(
        by=by,
        window=window,
        groups=[
            Group(one.dimensions[by], one.measures[COUNT], sum(one.measures[ERRORS]))
            for one in groups[:MAX_GROUPS]
        ],
        totals=whole[0].measures[COUNT] if whole else nothing,
        errors=whole[0].measures[ERRORS] if whole else nothing,
        is_rolled_up=True,
        has_more_groups=len(groups) > MAX_GROUPS,
    )


def others(counts: Counts, shown: Sequence[Group]) -> list[int]:
    """By bucket, the events of all groups that are not shown by themselves."""
    return [
        max(total - sum(group.counts[slot] for group in shown), 0) for slot, total in enumerate(counts.totals)
    ]

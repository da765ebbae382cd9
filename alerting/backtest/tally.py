"""What a replay's changes add up to: how often it fired, for how long, and how many messages that is. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal, TypeVar, cast

from alerting.sources.samples import LabelSet
from alerting.state import CRITICAL, AlertState, Change

Status = Literal["pending", "firing"]


@dataclass(frozen=True, slots=True)
class Turn:
    """A change of the alert of one label set, and the value it came with."""

    at: datetime
    labels: LabelSet
    change: Change
    value: float | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which the alert of a label set had one status."""

    labels: LabelSet
    status: Status
    start: datetime
    end: datetime


Row = TypeVar("Row", Turn, Stretch)


@dataclass(slots=True)
class Sum:
    """Messages: firing, resolved, and the rise to critical, as one channel gets them; repeats left out."""

    fires: int = 0
    messages: int = 0
    minutes_firing: float = 0


class Tally:
    """Takes what happens in the order of time; `close` ends it."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.stretches: list[Stretch] = []
        self._open: dict[LabelSet, tuple[Status, datetime]] = {}

    def note(self, at: datetime, labels: LabelSet, state: AlertState | None, change: Change | None) -> None:
        """One step of one label set, as `advance` gives it: a state of None is an alert that vanished."""
        if state is None:
            self._end(labels, at)
        elif change is not None:
            self.turns.append(Turn(at, labels, change, state.value))
            if change.kind == "status":
                self._turn(at, labels, change.to_status)

    def close(self, end: datetime) -> None:
        """End what is still open."""
        for labels in list(self._open):
            self._end(labels, end)

    def total(self) -> Sum:
        return _sum(self.turns, self.stretches)

    def by_labels(self) -> Mapping[LabelSet, Sum]:
        """Of label sets that had an alert, pending ones too."""
        turns, stretches = _grouped(self.turns), _grouped(self.stretches)
        return {labels: _sum(turns[labels], stretches[labels]) for labels in {**turns, **stretches}}

    def by_day(self, start: datetime, end: datetime, zone: tzinfo = UTC) -> Mapping[date, Sum]:
        """Of every day of that zone's calendar in the period, also those without any."""
        first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
        days = {first + timedelta(days=number): Sum() for number in range((last - first).days + 1)}
        for turn in self.turns:
            _count(days[turn.at.astimezone(zone).date()], turn.change)
        for stretch in self.stretches:
            if stretch.status == "firing":
                for day, minutes in _minutes_by_day(stretch, zone):
                    days[day].minutes_firing += minutes
        return days

    def _turn(self, at: datetime, labels: LabelSet, status: str) -> None:
        self._end(labels, at)
        if status != "resolved":
            self._open[labels] = cast(Status, status), at

    def _end(self, labels: LabelSet, at: datetime) -> None:
        if began := self._open.pop(labels, None):
            self.stretches.append(Stretch(labels, began[0], began[1], at))


def _grouped(rows: list[Row]) -> dict[LabelSet, list[Row]]:
    found: dict[LabelSet, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.labels].append(row)
    return found


def _sum(turns: list[Turn], stretches: list[Stretch]) -> Sum:
    found = Sum()
    for turn in turns:
        _count(found, turn.change)
    firing = (stretch.end - stretch.start for stretch in stretches if stretch.status == "firing")
    found.minutes_firing = sum(firing, timedelta()) / timedelta(minutes=1)
    return found


def _count(found: Sum, change: Change) -> None:
    if change.kind == "severity":
        found.messages += change.to_status == CRITICAL
    elif change.to_status == "firing":
        found.fires += 1
        found.messages += 1
    elif change.to_status == "resolved":
        found.messages += 1


def _minutes_by_day(stretch: Stretch, zone: tzinfo) -> Iterator[tuple[date, float]]:
    # Subtracted in UTC: by the zone's own clock a day of 23 hours would have 24.
    start, end = stretch.start.astimezone(UTC), stretch.end.astimezone(UTC)
    while start < end:
        day = start.astimezone(zone).date()
        midnight = datetime.combine(day + timedelta(days=1), time.min, zone).astimezone(UTC)
        yield day, (min(midnight, end) - start) / timedelta(minutes=1)
        start = midnight

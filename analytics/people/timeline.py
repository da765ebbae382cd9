"""Somebody's events put together to sessions, the newest first; `read` looks backwards in pieces, the rest is pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from events.explorer.walking import backwards
from events.models import Event

MAX_EVENTS = 300
"""On one page."""


@dataclass(frozen=True, slots=True)
class Read:
    """Events, the oldest first. What lies before `read_back_to` was not looked at; None where all of the range was."""

    events: Sequence[Event]
    read_back_to: datetime | None


@dataclass(frozen=True, slots=True)
class TimelineSession:
    """One of somebody's sessions; `session_id` is "" where times put it together. Events, the oldest first."""

    session_id: str
    events: Sequence[Event]

    @property
    def started_at(self) -> datetime:
        return self.events[0].event_timestamp

    @property
    def ended_at(self) -> datetime:
        return self.events[-1].event_timestamp

    @property
    def source(self) -> str:
        return next((event.source for event in self.events if event.source), "")


def read(project_id: int, ids: Sequence[str], start: datetime, end: datetime) -> Read:
    """The newest events of a person with these ids in `[start, end)`, at most MAX_EVENTS and for at most 2 s or so."""
    whose = Q(user_id__in=ids) | Q(user_id=None, anonymous_id__in=ids)
    newest_first: list[Event] = []
    low = end
    for low, high in backwards(start, end):
        rows = Event.objects.filter(
            whose, project_id=project_id, event_timestamp__gte=low, event_timestamp__lt=high
        )
        newest_first += rows.order_by("-event_timestamp", "-id")[: MAX_EVENTS + 1 - len(newest_first)]
        if len(newest_first) > MAX_EVENTS:
            return _cut(newest_first)
    return Read(newest_first[::-1], _up_to_millisecond(low) if low > start else None)


def _cut(newest_first: Sequence[Event]) -> Read:
    """Without the millisecond at which the page is full: the next page begins with all of its events."""
    next_end = _up_to_millisecond(newest_first[-1].event_timestamp + timedelta(microseconds=1))
    whole = [event for event in newest_first if event.event_timestamp >= next_end]
    if whole:
        return Read(whole[::-1], next_end)
    # More events in one millisecond than fit: the page after this one begins before it.
    return Read(newest_first[::-1], next_end - timedelta(milliseconds=1))


def _up_to_millisecond(moment: datetime) -> datetime:
    """Times in addresses are no finer."""
    return moment + timedelta(microseconds=-moment.microsecond % 1000)


def sessions_in(events: Sequence[Event], gap: timedelta) -> list[TimelineSession]:
    """Sessions as `analytics.sessions` defines them, by their start, the newest first; `events` oldest first."""
    named: dict[str, list[Event]] = {}
    unnamed: list[list[Event]] = []
    for event in events:
        if event.session_id:
            named.setdefault(event.session_id, []).append(event)
        elif unnamed and event.event_timestamp - unnamed[-1][-1].event_timestamp <= gap:
            unnamed[-1].append(event)
        else:
            unnamed.append([event])
    found = [TimelineSession(session_id, members) for session_id, members in named.items()]
    found += [TimelineSession("", members) for members in unnamed]
    return sorted(found, key=lambda one: (one.started_at, one.session_id), reverse=True)

"""Which sessions are over, seen from events that come a stretch of time after the other. Pure.

The rule: a session is told once, when nobody has heard of it for longer than the gap, with the time from its first to
its last event until then.

* Only what arrives in time counts: events of a minute that was closed before they came change no session.
* A session with an id that goes on after it was told is the same session and isn't told again, unless a day has passed.
* Whoever is linked to another id counts as that person from then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

Key = tuple[str, str]
"""Whose session, and its id; '' where times alone put it together."""


@dataclass(frozen=True, slots=True)
class Course:
    """From the first event of a session to the last one so far."""

    started_at: datetime
    seen_at: datetime
    is_told: bool = False

    @property
    def seconds(self) -> float:
        return (self.seen_at - self.started_at).total_seconds()


@dataclass(slots=True)
class Step:
    """What one stretch of time changes: courses to keep, keys to forget, and durations of sessions that are over."""

    kept: dict[Key, Course] = field(default_factory=dict)
    forgotten: list[Key] = field(default_factory=list)
    ended_seconds: list[float] = field(default_factory=list)


def step(going: Mapping[Key, Course], seen: Mapping[Key, Course], gap: timedelta, end: datetime) -> Step:
    """All events before `end` are known, and `seen` are those of a stretch before it that is no longer than the gap.

    `going` needs to hold those of `seen` that are known, and all that may be over.
    """
    made = Step()
    for key in {**going, **seen}:
        course = _continued(key, going.get(key), seen.get(key), gap, made)
        if course.is_told or end - course.seen_at <= gap:
            made.kept[key] = course
            continue
        made.ended_seconds.append(course.seconds)
        if key[1]:
            made.kept[key] = Course(course.started_at, course.seen_at, is_told=True)
        elif key in going:
            made.forgotten.append(key)
    return made


def _continued(key: Key, before: Course | None, now: Course | None, gap: timedelta, made: Step) -> Course:
    """The course with what was seen now; after a silence that is told, and without an id begins another session."""
    if before is None or now is None:
        course = before or now
        assert course
        return course
    was_silent = now.started_at - before.seen_at > gap
    if was_silent and not before.is_told:
        made.ended_seconds.append(before.seconds)
    if was_silent and not key[1]:
        return now
    started_at, seen_at = min(before.started_at, now.started_at), max(before.seen_at, now.seen_at)
    return Course(started_at, seen_at, is_told=before.is_told or was_silent)

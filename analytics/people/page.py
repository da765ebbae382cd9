"""The page of one person: sessions with their events, which lead to traces, and progress on journeys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import Http404
from django.urls import reverse

from analytics.journeys.definitions import Definition
from analytics.journeys.drawing import minutes_text
from analytics.journeys.measures import (
    Reached,
    complete_minutes,
    stage_minutes,
    waiting_since,
    waits_for,
)
from analytics.journeys.reading import journeys_of, reached_by
from analytics.people.timeline import Read, TimelineSession, read, sessions_in
from analytics.sessions.question import gap_of
from events import persons
from events.explorer.summaries import state_of, summary_of, title_of
from events.links import trace_url
from events.models import Event
from projects import figures
from projects.pages.exporting import Table
from projects.pages.page import Page
from projects.pages.scope import Scope
from projects.pages.time_range import TimeRange

MAX_JOURNEYS = 20
MAX_SHOWN_IDS = 10
MAX_ID_LENGTH = 1000
MILLISECOND = timedelta(milliseconds=1)

COLUMNS = (
    "timestamp",
    "session_id",
    "event_name",
    "event_type",
    "severity",
    "source",
    "trace_id",
    "properties",
)


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event; `state` colours what went wrong."""

    event: Event
    title: str
    summary: str
    state: str
    url: str
    trace_url: str


@dataclass(frozen=True, slots=True)
class SessionBlock:
    """A session with its events, the newest first; `is_cut`: it may have begun earlier than what was read."""

    session: TimelineSession
    duration: str
    lines: Sequence[EventLine]
    events_url: str
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How far somebody is on a journey: `(milestone, reached_at, minutes of its stage)`."""

    definition: Definition
    url: str
    milestones: Sequence[tuple[str, Any, str]]
    words: str
    state: str


class PersonPage(Page):
    """Any of the person's ids names them."""

    title = "Person"
    template = "analytics/people/page.html"
    permission = "events.view_event"
    default_range = "7d"
    panels = {"journeys": "analytics/people/journeys.html", "timeline": "analytics/people/timeline.html"}

    def context(self, scope: Scope) -> dict[str, Any]:
        ids = self._ids(scope)
        others = [one for one in ids[1:] if one != self.identifier]
        return {
            "title": self.identifier,
            "name": ids[0],
            "other_ids": others[:MAX_SHOWN_IDS],
            "unnamed_count": max(len(others) - MAX_SHOWN_IDS, 0),
            "events_url": scope.url(reverse("explore_events"), person=self.identifier),
            "sees_journeys": scope.request.user.has_perm("analytics.view_journey"),
        }

    def panel_timeline(self, scope: Scope) -> dict[str, Any]:
        assert scope.project
        found = self._read(scope)
        gap = gap_of(scope.project.pk)
        sessions = sessions_in(found.events, gap)
        is_older = found.read_back_to is not None and found.read_back_to > scope.range.start
        return {
            "blocks": [_block(scope, one, found, gap) for one in sessions],
            "event_count": len(found.events),
            "read_back_to": found.read_back_to,
            "older_url": _older_url(scope, found) if is_older else "",
        }

    def panel_journeys(self, scope: Scope) -> dict[str, Any]:
        assert scope.project
        if not scope.request.user.has_perm("analytics.view_journey"):
            raise Http404
        definitions = journeys_of(scope.project.pk, MAX_JOURNEYS)
        reached = reached_by(definitions, self._ids(scope))
        return {
            "progress": [
                _progress(scope, definition, times, scope.now)
                for definition, times in zip(definitions, reached, strict=True)
                if times
            ]
        }

    def table(self, scope: Scope) -> Table:
        """The newest events, as many as the page shows."""
        return Table("person", COLUMNS, map(_exported, reversed(self._read(scope).events)))

    @property
    def identifier(self) -> str:
        """Raises Http404 for what can't be anybody's id."""
        identifier = str(self.kwargs["person"])
        if "\0" in identifier or len(identifier) > MAX_ID_LENGTH:
            raise Http404
        return identifier

    def _ids(self, scope: Scope) -> list[str]:
        assert scope.project
        return persons.ids_of_person(scope.project.pk, self.identifier)

    def _read(self, scope: Scope) -> Read:
        assert scope.project
        return read(scope.project.pk, self._ids(scope), scope.range.start, scope.range.end)


def _older_url(scope: Scope, found: Read) -> str:
    assert found.read_back_to
    return scope.here(range=None, **TimeRange(scope.range.start, found.read_back_to).parameters)


def _block(scope: Scope, session: TimelineSession, found: Read, gap: timedelta) -> SessionBlock:
    assert scope.project
    times = TimeRange(session.started_at, session.ended_at + MILLISECOND).parameters
    about = {"project": str(scope.project.pk), **times}
    events_url = f"{reverse('explore_events')}?{urlencode({**about, 'session_id': session.session_id})}"
    return SessionBlock(
        session=session,
        duration=figures.length(session.ended_at - session.started_at),
        lines=[_line(about, event) for event in reversed(session.events)],
        events_url=events_url if session.session_id else "",
        is_cut=found.read_back_to is not None and session.started_at - found.read_back_to <= gap,
    )


def _line(about: dict[str, str], event: Event) -> EventLine:
    page_url = reverse("admin:events_event_change", args=[event.id])
    return EventLine(
        event=event,
        title=title_of(event),
        summary=summary_of(event),
        state=state_of(event.severity),
        url=f"{page_url}?{urlencode({'project': about['project']})}",
        trace_url=trace_url(event.trace_id, about) if event.trace_id else "",
    )


def _progress(scope: Scope, definition: Definition, reached: Reached, now: datetime) -> Progress:
    minutes = [None, *stage_minutes(reached)]
    milestones = zip(definition.stages, reached, minutes, strict=True)
    words, state = _standing(definition, reached, now)
    return Progress(
        definition=definition,
        url=scope.url(reverse("explore_journey", args=[definition.slug])),
        milestones=[
            (stage.name, at, "" if took is None else minutes_text(took)) for stage, at, took in milestones
        ],
        words=words,
        state=state,
    )


def _standing(definition: Definition, reached: Reached, now: datetime) -> tuple[str, str]:
    """Where somebody is, and whether that is good."""
    took, next_one, since = complete_minutes(reached), waits_for(reached), waiting_since(reached)
    target = definition.target_minutes
    if took is not None:
        is_late = bool(target) and took > target
        return f"completed in {minutes_text(took)}", "warning" if is_late else "good"
    if next_one is None or since is None:
        return "has not begun", "quiet"
    waiting = minutes_text((now - since).total_seconds() / 60)
    return f"has waited {waiting} for {definition.stages[next_one].name}", "info"


def _exported(event: Event) -> tuple[Any, ...]:
    return (
        event.event_timestamp,
        event.session_id,
        event.event_name,
        event.event_type,
        event.severity,
        event.source,
        event.trace_id,
        event.event_data,
    )

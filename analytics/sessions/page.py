"""The page "Sessions": how many there are and go on now, how long they last, and the newest one by one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from analytics.sessions.active import count_active
from analytics.sessions.answers import DURATIONS_SECONDS, Session, Sessions
from analytics.sessions.api import SessionParameters
from analytics.sessions.question import Question, gap_of, place_of
from analytics.sessions.roads import read
from analytics.units import PERSON, UNIT_WORDS
from projects import figures
from projects.admin_base import example_command
from projects.pages.api_calls import get_call
from projects.pages.charts import Line, TimeChart
from projects.pages.exporting import Table
from projects.pages.page import Page, Problem
from projects.pages.scope import Scope
from projects.pages.time_range import TimeRange

PAGE_SIZE = 50
EXPORT_LIMIT = 10_000
MAX_BUCKETS = 120
UNITS = {**UNIT_WORDS, "session_id": "session ids"}
"""What sessions are said to be of; "sessions" would be those themselves."""

COLUMNS = (
    "unit", "session_id", "started_at", "ended_at", "duration_seconds", "event_count", "page_view_count", "entry",
    "exit", "source",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A session, and where it leads: to whoever it is of, and to its events."""

    session: Session
    duration: str
    entry: str
    exit: str
    unit_url: str
    events_url: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of the distribution; `share` is of the longest one."""

    words: str
    count: int
    share: float


class SessionsPage(Page):
    title = "Sessions"
    template = "analytics/sessions/page.html"
    permission = "events.view_event"
    default_range = "24h"
    panels = {"active": "analytics/sessions/active.html", "sessions": "analytics/sessions/sessions.html"}

    def context(self, scope: Scope) -> dict[str, Any]:
        assert scope.project
        question = question_of(scope)
        parameters = {"unit": question.unit, "gap_minutes": scope.filters.get("gap_minutes")}
        times = {"start": scope.range.start.isoformat(), "end": scope.range.end.isoformat()}
        return {
            "unit": question.unit,
            "units": UNITS if question.unit in UNITS else {**UNITS, question.unit: question.unit},
            "gap_minutes": f"{question.gap / timedelta(minutes=1):g}",
            "settings_url": reverse("admin:projects_project_change", args=[scope.project.pk]),
            "call": get_call("analytics/sessions/", {**times, **parameters}),
        }

    def panel_active(self, scope: Scope) -> dict[str, Any]:
        question = question_of(scope)
        return {"active_count": count_active(question, scope.now), "gap": figures.length(question.gap)}

    def panel_sessions(self, scope: Scope) -> dict[str, Any]:
        assert scope.project
        question = question_of(scope)
        found = read(question, scope.range.window(MAX_BUCKETS))
        shown = found.page[: question.page_size]
        has_more = len(found.page) > question.page_size
        return {
            "found": found,
            "unit": question.unit,
            "units": UNITS.get(question.unit, question.unit),
            "median": "-"
            if found.median_seconds is None
            else figures.length(timedelta(seconds=found.median_seconds)),
            "chart": _chart(scope, found),
            "medians": _medians(scope, found),
            "bars": bars_of(found),
            "rows": [_row(scope, question, session) for session in shown],
            "next_url": scope.here(cursor=shown[-1].place.encoded()) if has_more else "",
            "first_url": scope.here(cursor="") if question.after else "",
            "command": example_command(
                "events", '{"event_name": "page_viewed", "user_id": "ana", "properties": {"path": "/"}}'
            ),
        }

    def table(self, scope: Scope) -> Table:
        """The newest EXPORT_LIMIT sessions."""
        found = read(question_of(scope, EXPORT_LIMIT))
        return Table("sessions", COLUMNS, map(_exported, found.page[:EXPORT_LIMIT]))


def question_of(scope: Scope, page_size: int = PAGE_SIZE) -> Question:
    """What the URL asks, by the rules of the API. Raises Problem."""
    assert scope.project
    named = ("unit", "gap_minutes", "cursor")
    parameters = SessionParameters(
        data={name: scope.filters[name] for name in named if name in scope.filters}
    )
    if not parameters.is_valid():
        name, errors = next(iter(parameters.errors.items()))
        raise Problem(f"{name}: {errors[0]}")
    given = parameters.validated_data
    try:
        after = place_of(given["cursor"]) if "cursor" in given else None
    except ValueError:
        raise Problem("There is no such page of the list. Begin again with the newest sessions.") from None
    minutes = given.get("gap_minutes")
    return Question(
        project_id=scope.project.pk,
        gap=gap_of(scope.project.pk) if minutes is None else timedelta(minutes=minutes),
        start=scope.range.start,
        end=scope.range.end,
        unit=given["unit"],
        page_size=page_size,
        after=after,
    )


def bars_of(found: Sessions) -> list[Bar]:
    """How many sessions lasted how long."""
    most = max(found.durations, default=0) or 1
    edges = [*DURATIONS_SECONDS, None]
    return [
        Bar(_between(edges[number], edges[number + 1]), count, count / most)
        for number, count in enumerate(found.durations)
    ]


def _between(low: float | None, high: float | None) -> str:
    if not low:
        return "under 1 s"
    if high is None:
        return f"{figures.duration(low * 1000)} and more"
    return f"{figures.duration(low * 1000)} to {figures.duration(high * 1000)}"


def _chart(scope: Scope, found: Sessions) -> TimeChart:
    window = scope.range.window(MAX_BUCKETS)
    points = [(bucket.start, float(bucket.session_count)) for bucket in found.buckets]
    return TimeChart(
        id="sessions-counts",
        title="Sessions that began",
        lines=[Line("Sessions", points)],
        start=window.start,
        end=window.end,
        kind="bars",
        bar_length=window.interval,
        zone=scope.zone,
        height=200,
    )


def _medians(scope: Scope, found: Sessions) -> TimeChart:
    window = scope.range.window(MAX_BUCKETS)
    medians = [
        (bucket.start, None if bucket.median_seconds is None else bucket.median_seconds / 60)
        for bucket in found.buckets
    ]
    return TimeChart(
        id="sessions-medians",
        title="Median duration",
        unit="min",
        lines=[Line("Median", medians)],
        start=window.start,
        end=window.end,
        zone=scope.zone,
        height=200,
    )


def _row(scope: Scope, question: Question, session: Session) -> Row:
    # Nobody's session stands for whoever it is of.
    is_person = question.unit == PERSON and session.unit != session.session
    return Row(
        session,
        figures.length(session.duration),
        _visible(session.entry),
        _visible(session.exit),
        person_url(scope, session.unit) if is_person else "",
        events_url(
            scope, "person" if is_person else "" if question.unit == PERSON else question.unit, session
        ),
    )


def _visible(name: str) -> str:
    """Of a page or an event, whose names may be blanks."""
    return name if name.strip() else "(blank)"


def person_url(scope: Scope, person: str) -> str:
    return scope.url(reverse("explore_person", args=[person]))


def events_url(scope: Scope, field: str, session: Session) -> str:
    """The events of a session: those of its unit in its time, with its id where it has one."""
    assert scope.project
    within = TimeRange(session.started_at, session.ended_at + timedelta(milliseconds=1)).parameters
    about = {field: session.unit, "session_id": session.session}
    given = {name: value for name, value in about.items() if name and value}
    return f"{reverse('explore_events')}?{urlencode({'project': str(scope.project.pk), **within, **given})}"


def _exported(session: Session) -> tuple[Any, ...]:
    return (
        session.unit,
        session.session or None,
        session.started_at,
        session.ended_at,
        session.duration.total_seconds(),
        session.event_count,
        session.page_view_count,
        session.entry,
        session.exit,
        session.source,
    )

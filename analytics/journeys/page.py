"""The pages of journeys: all of a project's, and one with its stages, its times and the people on their way."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.urls import reverse

from analytics.examples import command_of
from analytics.journeys.answers import figures_answer, journey_answer
from analytics.journeys.definitions import Definition, JourneyError
from analytics.journeys.drawing import (
    FIGURES,
    STAGES,
    distribution_bars,
    minutes_text,
    rows_of,
    stage_bars,
)
from analytics.journeys.reading import journey_named, journeys_of
from analytics.journeys.ready import TTF
from analytics.journeys.report import Question, overview, report
from analytics.journeys.serializers import JourneyParameters
from analytics.journeys.waiting import WaitingPerson, waiting_people
from analytics.rule_forms import when_late
from projects.pages.api_calls import get_call
from projects.pages.exporting import Table
from projects.pages.page import Page, Problem
from projects.pages.scope import Scope

MAX_JOURNEYS = 50
SHOWN_PEOPLE = 50
EXPORTED_PEOPLE = 10_000
SEGMENTS = ("tenant_id", "source", "properties.plan", "properties.channel", "tags.env")
"""Offered; any column may be named."""


class JourneysPage(Page):
    title = "Journeys"
    template = "analytics/journeys/list_page.html"
    permission = "analytics.view_journey"
    default_range = "30d"
    panels = {"journeys": "analytics/journeys/list.html"}

    def context(self, scope: Scope) -> dict[str, Any]:
        may_add = scope.request.user.has_perm("analytics.add_journey")
        return {"add_url": reverse("admin:analytics_journey_add") if may_add else ""}

    def panel_journeys(self, scope: Scope) -> dict[str, Any]:
        return {"rows": _overview(scope), "most": MAX_JOURNEYS}

    def table(self, scope: Scope) -> Table:
        rows = _overview(scope)
        columns = ("slug", "name", "target_minutes", *FIGURES)
        return Table(
            "journeys",
            columns,
            [
                [row["slug"], row["name"], row["target_minutes"], *(row[name] for name in FIGURES)]
                for row in rows
            ],
        )


class JourneyPage(Page):
    """`segment` names a column to group by, `waits_for` a milestone whose people are listed."""

    title = "Journey"
    template = "analytics/journeys/page.html"
    permission = "analytics.view_journey"
    default_range = "30d"
    panels = {"report": "analytics/journeys/report.html", "waiting": "analytics/journeys/waiting.html"}

    def context(self, scope: Scope) -> dict[str, Any]:
        assert scope.project
        definition = self._definition(scope)
        question_of(scope)
        user, slug = scope.request.user, definition.slug
        may_change = user.has_perm("analytics.change_journey")
        may_add_rules = user.has_perm("alerting.add_rule")
        return {
            "title": definition.name,
            "definition": definition,
            "segment": scope.filters.get("segment", ""),
            "segments": SEGMENTS,
            "edit_url": reverse("admin:analytics_journey_change", args=[definition.journey_id])
            if may_change
            else "",
            "usual_alerts_url": reverse("add_ttf_rules") if may_add_rules and slug == TTF else "",
            "rule_url": when_late(
                scope.project.pk,
                f"{definition.name}: somebody is late",
                f"{definition.metric_prefix}_open_minutes",
                definition.target_minutes,
            )
            if may_add_rules and slug != TTF
            else "",
            "call": get_call(
                f"analytics/journeys/{slug}/", {**_times(scope), "segment": scope.filters.get("segment")}
            ),
        }

    def panel_report(self, scope: Scope) -> dict[str, Any]:
        definition = self._definition(scope)
        answer = _answer(scope, definition)
        return {
            "answer": answer,
            "median": minutes_text(answer["median_minutes"]),
            "p90": minutes_text(answer["p90_minutes"]),
            "target": minutes_text(definition.target_minutes) if definition.target_minutes else "",
            "stages": stage_bars(answer),
            "bars": distribution_bars(answer),
            "weeks": [(week, minutes_text(week["median_minutes"])) for week in answer["weeks"]],
            "segments": [(one, minutes_text(one["median_minutes"])) for one in answer["segments"]],
            "segment": scope.filters.get("segment", ""),
            "command": command_of(definition.matchers[0], definition.stages[0].key),
        }

    def panel_waiting(self, scope: Scope) -> dict[str, Any]:
        definition = self._definition(scope)
        found = self._waiting(scope, definition, SHOWN_PEOPLE + 1)
        return {
            "people": [_waiting_row(scope, definition, one) for one in found[:SHOWN_PEOPLE]],
            "has_more": len(found) > SHOWN_PEOPLE,
            "shown": SHOWN_PEOPLE,
            "waits_for": scope.filters.get("waits_for", ""),
            "stages": definition.stages[1:],
            "follow": minutes_text(definition.follow.total_seconds() / 60),
            "call": get_call(
                f"analytics/journeys/{definition.slug}/waiting/",
                {"waits_for": scope.filters.get("waits_for")},
            ),
        }

    def table(self, scope: Scope) -> Table:
        """`of`: stages, weeks, segments, distribution or waiting."""
        definition, of = self._definition(scope), scope.filters.get("of", "stages")
        if of == "waiting":
            return _waiting_table(definition, self._waiting(scope, definition, EXPORTED_PEOPLE))
        answer = _answer(scope, definition)
        columns, rows = {
            "stages": (STAGES, answer["milestones"]),
            "weeks": (("week", *FIGURES), answer["weeks"]),
            "segments": (("segment", *FIGURES), answer["segments"]),
            "distribution": (("from_minutes", "to_minutes", "people"), answer["distribution"]),
        }.get(of, (None, []))
        if columns is None:
            raise Http404
        return Table(f"journey-{definition.slug}-{of}", columns, rows_of(rows, columns))

    def _definition(self, scope: Scope) -> Definition:
        """Raises Problem for a journey that can't be followed as it is defined, Http404 for none."""
        assert scope.project
        try:
            found = journey_named(scope.project.pk, self.kwargs["slug"])
        except JourneyError as error:
            raise Problem(f"This journey can't be followed: {error}") from None
        if found is None:
            raise Http404
        return found

    def _waiting(self, scope: Scope, definition: Definition, limit: int) -> list[WaitingPerson]:
        key = scope.filters.get("waits_for", "")
        positions = {stage.key: number for number, stage in enumerate(definition.stages)}
        if key and key not in positions:
            raise Problem(f"This journey has no milestone {key[:40]!r}.")
        return waiting_people(definition, question_of(scope), limit, positions.get(key))


def question_of(scope: Scope) -> Question:
    """What the URL asks, by the rules of the API. Raises Problem."""
    segment = scope.filters.get("segment", "")
    parameters = JourneyParameters(data={"segment": segment} if segment else {})
    if not parameters.is_valid():
        raise Problem(f"By {parameters.errors['segment'][0]}")
    return Question(now=scope.now, start=scope.range.start, end=scope.range.end, segment=segment or None)


def _times(scope: Scope) -> dict[str, str]:
    return {"start": scope.range.start.isoformat(), "end": scope.range.end.isoformat()}


def _overview(scope: Scope) -> list[dict[str, Any]]:
    assert scope.project
    definitions = journeys_of(scope.project.pk, MAX_JOURNEYS)
    question = Question(now=scope.now, start=scope.range.start, end=scope.range.end)
    return [
        {
            "slug": definition.slug,
            "name": definition.name,
            "description": definition.description,
            "url": scope.url(reverse("explore_journey", args=[definition.slug])),
            "target_minutes": definition.target_minutes,
            "target": minutes_text(definition.target_minutes) if definition.target_minutes else "-",
            "median": minutes_text(row["median_minutes"]),
            **figures_answer(row),
        }
        for definition, row in zip(definitions, overview(definitions, question), strict=True)
    ]


def _answer(scope: Scope, definition: Definition) -> dict[str, Any]:
    return journey_answer(definition, report(definition, question_of(scope)))


def _waiting_row(scope: Scope, definition: Definition, one: WaitingPerson) -> dict[str, Any]:
    return {
        "person": one.person,
        "url": scope.url(reverse("explore_person", args=[one.person])),
        "waits_for": definition.stages[one.position].name,
        "waiting": minutes_text(one.minutes),
        "started_at": one.started_at,
        "is_followed": one.is_followed,
    }


def _waiting_table(definition: Definition, found: list[WaitingPerson]) -> Table:
    rows = [
        (one.person, definition.stages[one.position].key, one.started_at, one.minutes, one.is_followed)
        for one in found
    ]
    columns = ("person", "waits_for", "started_at", "waiting_minutes", "is_followed")
    return Table(f"journey-{definition.slug}-waiting", columns, rows)

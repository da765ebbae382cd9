"""The page "Funnels": a builder, and what the funnel says while one builds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analytics.funnels import showing
from analytics.funnels.asked import DEFAULT_RANGE, LOST, QUESTION, STEP, Asked, asked_of, text_of, told
from analytics.funnels.builder import ORDER_WORDS, TOUCH_WORDS, TREND_WORDS, builder_of
from analytics.funnels.following import following
from analytics.funnels.parsing import (
    DEFAULT_PEOPLE,
    MAX_EXCLUSIONS,
    MAX_PEOPLE,
    MAX_STEPS,
    parse_people,
)
from analytics.funnels.question import People
from analytics.funnels.recording import metrics_url, rule_url
from analytics.matchers import MatcherError, suggestions
from analytics.models.funnels import SavedFunnel
from analytics.units import UNIT_WORDS, unit_words
from projects.admin_base import example_command
from projects.pages.api_calls import post_call
from projects.pages.exporting import Table
from projects.pages.page import Page, Problem
from projects.pages.scope import Scope

if TYPE_CHECKING:
    # Not at run time: numpy takes 20 MB, which no web process should hold before somebody looks at a funnel.
    from analytics.funnels.answers import PeopleAnswer

MAX_SAVED = 200
START_NAMES = 24


class FunnelPage(Page):
    """`funnel=` is the question as JSON, `saved=` the slug of a saved one; `step=` and `lost=` name people to list."""

    title = "Funnels"
    template = "analytics/funnels/page.html"
    permission = "events.view_event"
    default_range = DEFAULT_RANGE
    panels = {
        "results": "analytics/funnels/results.html",
        "next": "analytics/funnels/next.html",
        "people": "analytics/funnels/people.html",
    }

    def context(self, scope: Scope) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "saved_funnels": SavedFunnel.objects.filter(project=scope.project).only("name", "slug")[
                :MAX_SAVED
            ],
            "orders": ORDER_WORDS,
            "touches": TOUCH_WORDS,
            "trends": TREND_WORDS,
            "units": UNIT_WORDS,
            "max_steps": MAX_STEPS,
            "max_exclusions": MAX_EXCLUSIONS,
            "has_people": STEP in scope.filters,
        }
        try:
            asked = asked_of(scope)
        except Problem as problem:
            # The builder stays, empty: one can begin anew.
            return {**shown, "builder": builder_of({}), "problem": str(problem)}
        return {
            **shown,
            "asked": asked,
            "builder": builder_of(asked.body),
            "saved": asked.saved,
            "may_save": scope.request.user.has_perm("analytics.add_savedfunnel"),
            "may_change": scope.request.user.has_perm("analytics.change_savedfunnel"),
        }

    def panel_results(self, scope: Scope) -> dict[str, Any]:
        asked = asked_of(scope)
        if asked.is_empty:
            return _start(scope)
        from analytics.funnels.answers import answer

        assert scope.project
        found = answer(scope.project.pk, asked.funnel)
        return {
            "bars": showing.bars_of(asked, found),
            "totals": showing.totals_of(asked, found),
            "breakdown": asked.funnel.breakdown,
            "rows": showing.rows_of(found),
            "has_more_rows": found.get("breakdown_truncated", False),
            "chart": showing.trend_chart(asked, found),
            "call": post_call("analytics/funnel/", asked.whole),
            "links": _ways_on(asked, found["steps"][-1]["conversion_ratio"]),
        }

    def panel_next(self, scope: Scope) -> dict[str, Any]:
        """What to add: events that come right after the last step."""
        asked = asked_of(scope)
        if asked.is_empty or len(asked.funnel.steps) >= MAX_STEPS:
            return {}
        assert scope.project
        last = asked.funnel.steps[-1]
        found = following(
            scope.project.pk, asked.funnel.unit, last.matcher, scope.range.start, scope.range.end
        )
        return {
            "found": found,
            "units": unit_words(asked.funnel.unit),
            "last": showing.named(asked.funnel, -1)[0],
            "chips": [(one, _with_step(asked, one.name)) for one in found.names],
        }

    def panel_people(self, scope: Scope) -> dict[str, Any]:
        question, found = _people(scope)
        funnel = question.funnel
        return {
            "count": found["count"],
            "people": [
                (
                    one,
                    showing.timeline_url(scope, funnel, one["unit"]),
                    showing.events_url(scope, funnel, one["unit"]),
                )
                for one in found["results"]
            ],
            "units": unit_words(funnel.unit),
            "step_name": showing.step_name(funnel, question.step),
            "question": question,
        }

    def table(self, scope: Scope) -> Table:
        from analytics.funnels.answers import answer

        if STEP in scope.filters:
            return showing.people_table(_people(scope, MAX_PEOPLE)[1]["results"])
        asked = asked_of(scope)
        assert scope.project
        return showing.table_of(answer(scope.project.pk, asked.funnel))


def _start(scope: Scope) -> dict[str, Any]:
    """Events to begin with, for whoever has no step yet."""
    assert scope.project
    names = suggestions.names(scope.project.pk, scope.now, START_NAMES)
    first = {
        name.value: scope.here(**{QUESTION: text_of({"steps": [{"event_name": name.value}]})})
        for name in names
    }
    return {
        "is_start": True,
        "names": [(name, first[name.value]) for name in names],
        "command": example_command("events", '{"event_name": "signed_up", "user_id": "ana"}'),
    }


def _with_step(asked: Asked, name: str) -> str:
    """This page with one more step."""
    body = {**asked.body, "steps": [*asked.body["steps"], {"event_name": name}]}
    return asked.scope.here(**{QUESTION: text_of(body), STEP: None, LOST: None})


def _people(scope: Scope, limit: int = DEFAULT_PEOPLE) -> tuple[People, PeopleAnswer]:
    """Whom the URL asks for, and who they are, at most `limit`. Raises Problem."""
    from analytics.funnels.answers import people

    asked = asked_of(scope)
    assert scope.project
    step = scope.filters.get(STEP, "")
    is_number = step.isdecimal() and len(step) < 4
    whole = {
        **asked.whole,
        "step": int(step) if is_number else step,
        "lost": LOST in scope.filters,
        "limit": limit,
    }
    try:
        question = parse_people(whole)
    except MatcherError as error:
        raise Problem(told(error)) from None
    return question, people(scope.project.pk, question)


def _ways_on(asked: Asked, shown_ratio: float | None) -> list[tuple[str, str, str]]:
    """(icon, words, URL) of what a recorded funnel leads to."""
    saved = asked.saved
    if saved is None or not saved.is_recorded:
        return []
    ways = [("show_chart", "As a metric", metrics_url(asked.scope, saved))]
    if asked.scope.request.user.has_perm("alerting.add_rule"):
        ways.insert(0, ("add_alert", "Make a rule", rule_url(saved, asked.scope, shown_ratio)))
    return ways

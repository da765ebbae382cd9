"""The page "Usage": who is active, who comes back, who is new or gone, and which features are taken up.

One of four views at a time; each is a question, a picture and a table. numpy is imported where a view needs it: it
takes 20 MB, which no web process should hold before somebody looks.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from analytics.matchers import in_words, suggestions
from analytics.points import newest_value
from analytics.rule_forms import when_worse
from analytics.usage.asked import PERIOD_WORDS, VIEW, VIEWS, Asked, AskedCell, asked_of, cell_of, view_of
from analytics.usage.features import MAX_FEATURES, Defined, feature_named, features_of
from analytics.usage.periods import DAY
from analytics.usage.points import METRIC
from projects.admin_base import example_command
from projects.pages.exporting import Table
from projects.pages.page import Page, Problem
from projects.pages.scope import Scope
from projects.pages.sparkline import sparkline

MAX_NAMES = 300
SHOWN_PEOPLE = 50
EXPORTED_PEOPLE = 10_000
SEGMENTS = ("tenant_id", "source", "event_category")
"""Offered; any column may be entered."""


class UsagePage(Page):
    """`view=` is one of VIEWS; the other parameters are those of the API."""

    title = "Usage"
    template = "analytics/usage/page.html"
    permission = "events.view_event"
    default_range = "90d"
    panels = {
        "active": "analytics/usage/active.html",
        "retention": "analytics/usage/retention.html",
        "people": "analytics/usage/people.html",
        "lifecycle": "analytics/usage/lifecycle.html",
        "features": "analytics/usage/features.html",
        "feature": "analytics/usage/feature.html",
        "names": "analytics/usage/names.html",
    }

    def context(self, scope: Scope) -> dict[str, Any]:
        view = view_of(scope)
        tabs = [(name, words, _view_url(scope, name)) for name, words in VIEWS.items()]
        shown = {
            "tabs": tabs,
            "view": view,
            "given": scope.filters,
            "period_words": PERIOD_WORDS,
            "segments": SEGMENTS,
            "add_url": _add_url(scope),
        }
        try:
            asked = asked_of(scope)
        except Problem as problem:
            # The controls stay, so that it can be mended.
            return {**shown, "problem": str(problem)}
        panel = "feature" if asked.feature else view
        return {
            **shown,
            "asked": asked,
            "panel": panel,
            "panel_words": VIEWS[view],
            "has_people": view == "retention" and "cohort" in scope.filters,
            "call": asked.call,
        }

    def panel_names(self, scope: Scope) -> dict[str, Any]:
        """Event names to choose from."""
        assert scope.project
        return {"names": suggestions.names(scope.project.pk, scope.now, MAX_NAMES)}

    def panel_active(self, scope: Scope) -> dict[str, Any]:
        from analytics.usage import active, answers, drawing

        asked = asked_of(scope)
        days = answers.active_days(asked.question)
        # A day that still runs would look like a fall.
        over = [day for day in days if day["day"] + DAY <= scope.now]
        day, shown = drawing.tiles(over)
        return {
            "tiles": shown,
            "day": day,
            "chart": drawing.active_chart(over, asked.question.periods),
            "stickiness": drawing.stickiness_chart(over, asked.question.periods),
            "has_running": len(over) < len(days),
            "definition": active.DEFINITION,
            **_nothing(not any(one["monthly"] for one in days)),
        }

    def panel_retention(self, scope: Scope) -> dict[str, Any]:
        from analytics.usage import answers, cohorts, heat_map

        asked = asked_of(scope)
        table = answers.retention(asked.question)
        found = heat_map.heat_map(
            table,
            cohorts.averages(table, asked.question.periods.over_count(scope.now)),
            asked.question.periods,
            scope.now,
        )
        return {
            "found": found,
            "asked": asked,
            "period": PERIOD_WORDS[asked.question.period],
            "shows_people": scope.filters.get("show") == "people",
            "show_url": scope.here(show="" if scope.filters.get("show") == "people" else "people"),
            "people_url": scope.here(cohort="", later="", page=""),
            "cell": _cell(scope),
            "definition": cohorts.DEFINITION,
            **_nothing(not any(one["people"] for one in table)),
        }

    def panel_people(self, scope: Scope) -> dict[str, Any]:
        """Who is behind the chosen number of the retention table."""
        from analytics.usage.answers import cell_people

        cell = _chosen(scope)
        skipped = (cell.page - 1) * SHOWN_PEOPLE
        found = cell_people(cell.question, skipped, SHOWN_PEOPLE)
        has_more = skipped + SHOWN_PEOPLE < found.count
        return {
            "cell": cell,
            "count": found.count,
            "period": PERIOD_WORDS[cell.question.period],
            "people": [(name, scope.url(reverse("explore_person", args=[name]))) for name in found.names],
            "first": skipped + 1,
            "last": skipped + len(found.names),
            "earlier_url": _page_url(scope, cell.page - 1) if cell.page > 1 else "",
            "later_url": _page_url(scope, cell.page + 1) if has_more else "",
            "most": EXPORTED_PEOPLE,
            "call": cell.call,
        }

    def panel_lifecycle(self, scope: Scope) -> dict[str, Any]:
        from analytics.usage import answers, drawing, lifecycle

        asked = asked_of(scope)
        found = answers.lifecycle_periods(asked.question)
        # Whoever hasn't been there yet in a period that still runs would be drawn as gone.
        over = found[: asked.question.periods.over_count(scope.now)]
        return {
            "chart": drawing.lifecycle_chart(over, asked.question.periods),
            "periods": found[::-1],
            "has_running": len(over) < len(found),
            "period": PERIOD_WORDS[asked.question.period],
            "definition": lifecycle.DEFINITION,
            **_nothing(not any(one["new"] or one["returning"] or one["resurrecting"] for one in found)),
        }

    def panel_features(self, scope: Scope) -> dict[str, Any]:
        from analytics.usage import answers

        asked = asked_of(scope)
        features = features_of(asked.question.project_id)
        found = answers.adoption_of_all(asked.question.project_id, features, asked.question.periods)
        rows = [
            {
                "feature": feature,
                "words": in_words(feature.matcher),
                "url": scope.here(feature=feature.slug),
                "shares": shares,
                "line": sparkline([one["adoption_ratio"] for one in shares["periods"]]),
            }
            for feature, shares in sorted(
                zip(features, found, strict=True), key=lambda both: both[1]["people"], reverse=True
            )
        ]
        return {"rows": rows, "add_url": _add_url(scope), "most": MAX_FEATURES}

    def panel_feature(self, scope: Scope) -> dict[str, Any]:
        from analytics.usage import adoption, answers, drawing
        from analytics.usage.segments import segments

        asked = asked_of(scope)
        feature = _feature(asked)
        found = answers.adoption_of(feature, asked.question.periods, scope.now)
        by_value, are_more = (
            segments(feature.project_id, feature.matcher, asked.segment, asked.question.periods)
            if asked.segment
            else ([], False)
        )
        return {
            "feature": feature,
            "words": in_words(feature.matcher),
            "found": found,
            "chart": drawing.adoption_chart(found["periods"], asked.question.periods, feature.name),
            "bars": drawing.day_bars(found["time_to_adopt"]["distribution"]),
            "segment": asked.segment,
            "segments": by_value,
            "are_more": are_more,
            "offered": SEGMENTS,
            "kept": {name: value for name, value in scope.filters.items() if name != "segment"},
            "definition": adoption.DEFINITION,
            "edit_url": _edit_url(scope, feature),
            "rule_url": _rule_url(scope, feature),
        }

    def table(self, scope: Scope) -> Table:
        from analytics.usage import answers, tables

        if scope.filters.get("of") == "people":
            found = answers.cell_people(_chosen(scope).question, 0, EXPORTED_PEOPLE)
            return tables.people(found.names)
        asked = asked_of(scope)
        return tables.table_of(asked, _feature(asked) if asked.feature else None, scope.now)


def _cell(scope: Scope) -> AskedCell | None:
    """None also where the URL names none that can be read: the panel of its people says so."""
    try:
        return cell_of(scope)
    except Problem:
        return None


def _chosen(scope: Scope) -> AskedCell:
    cell = cell_of(scope)
    if cell is None:
        raise Problem("No number of the table is chosen.")
    return cell


def _page_url(scope: Scope, page: int) -> str:
    return f"{scope.here(page=page if page > 1 else None)}#panel-people"


def _feature(asked: Asked) -> Defined:
    found = feature_named(asked.question.project_id, asked.feature)
    if found is None:
        raise Problem("There is no such feature any more. See all features.")
    return found


def _view_url(scope: Scope, view: str) -> str:
    """Another view of the same project and time."""
    return scope.url("", **{VIEW: view})


def _add_url(scope: Scope) -> str:
    """The form of a new feature, for those who may make one."""
    assert scope.project
    if not scope.request.user.has_perm("analytics.add_feature"):
        return ""
    return f"{reverse('admin:analytics_feature_add')}?{urlencode({'project': scope.project.pk})}"


def _edit_url(scope: Scope, feature: Defined) -> str:
    if not scope.request.user.has_perm("analytics.change_feature"):
        return ""
    return reverse("admin:analytics_feature_change", args=[feature.feature_id])


def _rule_url(scope: Scope, feature: Defined) -> str:
    """The form of a new rule that fires when the adoption falls by a fifth, for those who may make one.

    A fifth of the points it will watch: they are of the feature's window, not of the range shown.
    """
    if not scope.request.user.has_perm("alerting.add_rule"):
        return ""
    labels = {"feature": feature.slug}
    ratio = newest_value(feature.project_id, METRIC, labels, scope.now)
    return when_worse(feature.project_id, f"Adoption of {feature.name}", METRIC, labels, ratio)


def _nothing(is_empty: bool) -> dict[str, Any]:
    """What an empty view needs: the command that fills it."""
    if not is_empty:
        return {}
    return {
        "is_empty": True,
        "command": example_command("events", '{"event_name": "report_shared", "user_id": "ana"}'),
    }

"""What the page's URL asks, by the rules of the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from analytics.usage.periods import PeriodName
from analytics.usage.question import Question, UsageError, asked_periods, cell_question
from analytics.usage.serializers import (
    ActiveParameters,
    FeatureParameters,
    LifecycleParameters,
    PeriodParameters,
    RangeParameters,
    RetentionParameters,
    RetentionPeopleParameters,
)
from projects.api.errors import BadRequest
from projects.api.serializers import StrictParameters
from projects.pages.api_calls import get_call
from projects.pages.page import Problem
from projects.pages.scope import Scope

VIEW = "view"
VIEWS: Final = {
    "active": "Active people",
    "retention": "Retention",
    "lifecycle": "Lifecycle",
    "features": "Features",
}
"""What the page can show, and what people call it."""

PERIOD_WORDS: Final[dict[PeriodName, str]] = {"day": "Day", "week": "Week", "month": "Month"}
_DEFAULT_PERIOD: Final[PeriodName] = "week"

_PARAMETERS: Final[dict[str, type[RangeParameters]]] = {
    "active": ActiveParameters,
    "retention": RetentionParameters,
    "lifecycle": LifecycleParameters,
    "features": FeatureParameters,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One of VIEWS, and what it is asked; `parameters` are those of the API, as they were given."""

    view: str
    question: Question
    parameters: dict[str, str]
    segment: str
    feature: str
    """Slug of the one that is looked at; empty for all."""

    @property
    def call(self) -> str:
        """The same over HTTP."""
        path = self.view
        if path == "features":
            path = f"adoption/{self.feature}" if self.feature else "adoption"
        return get_call(f"analytics/{path}/", self.parameters)


def view_of(scope: Scope) -> str:
    view = scope.filters.get(VIEW, "")
    return view if view in VIEWS else next(iter(VIEWS))


def asked_of(scope: Scope) -> Asked:
    """Raises Problem."""
    assert scope.project
    view = view_of(scope)
    kind = _PARAMETERS[view]
    given = _given(kind, scope)
    checked = _checked(kind, given)
    period: PeriodName = "day" if view == "active" else checked.get("period", _DEFAULT_PERIOD)
    start, end = scope.range.start.astimezone(UTC), scope.range.end.astimezone(UTC)
    try:
        periods = asked_periods(period, start, end, scope.now)
    except UsageError as error:
        raise Problem(error.message) from None
    question = Question(
        project_id=scope.project.pk,
        period=period,
        periods=periods,
        event_name=checked.get("event_name") or checked.get("cohort_event"),
        returning_event=checked.get("returning_event"),
    )
    times = {"start": start.isoformat(timespec="seconds"), "end": end.isoformat(timespec="seconds")}
    if issubclass(kind, PeriodParameters):
        given["period"] = period
    return Asked(
        view=view,
        question=question,
        parameters={**given, **times},
        segment=checked.get("segment", ""),
        feature=scope.filters.get("feature", "") if view == "features" else "",
    )


@dataclass(frozen=True, slots=True)
class AskedCell:
    """One cell of the retention table, whose people are asked for; `page` counts from 1."""

    question: Question
    later: int | None
    page: int
    call: str
    """The same over HTTP."""


def cell_of(scope: Scope) -> AskedCell | None:
    """The cell that the URL names; None where it names none. Raises Problem."""
    assert scope.project
    if view_of(scope) != "retention" or "cohort" not in scope.filters:
        return None
    given = _given(RetentionPeopleParameters, scope)
    checked = _checked(RetentionPeopleParameters, given)
    try:
        question = cell_question(scope.project.pk, checked)
    except UsageError as error:
        raise Problem(str(error)) from None
    # Its pages are longer than those of the page.
    call = get_call("analytics/retention/people/", {**given, "page": None})
    return AskedCell(question, checked.get("later"), checked["page"], call)


def _given(kind: type[StrictParameters], scope: Scope) -> dict[str, str]:
    """The URL's parameters, but for the range, which the scope has read."""
    names = set(kind().fields) - {"start", "end"}
    return {name: scope.filters[name] for name in sorted(names) if name in scope.filters}


def _checked(kind: type[StrictParameters], given: dict[str, str]) -> dict[str, Any]:
    parameters = kind(data=given)
    try:
        is_valid = parameters.is_valid()
    except BadRequest as error:
        raise Problem(str(error.detail)) from None
    if not is_valid:
        name, errors = next(iter(parameters.errors.items()))
        raise Problem(f"{name}: {errors[0]}")
    return dict(parameters.validated_data)

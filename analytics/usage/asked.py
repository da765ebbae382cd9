"""What the page's URL asks, by the rules of the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from analytics.usage.periods import PeriodName
from analytics.usage.question import Question, UsageError, asked_periods
from analytics.usage.serializers import (
    ActiveParameters,
    FeatureParameters,
    LifecycleParameters,
    RangeParameters,
    RetentionParameters,
)
from projects.api.errors import BadRequest
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
    names = set(kind().fields) - {"start", "end"}
    given = {name: scope.filters[name] for name in sorted(names) if name in scope.filters}
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
    if "period" in names:
        given["period"] = period
    return Asked(
        view=view,
        question=question,
        parameters={**given, **times},
        segment=checked.get("segment", ""),
        feature=scope.filters.get("feature", "") if view == "features" else "",
    )


def _checked(kind: type[RangeParameters], given: dict[str, str]) -> dict[str, Any]:
    parameters = kind(data=given)
    try:
        is_valid = parameters.is_valid()
    except BadRequest as error:
        raise Problem(str(error.detail)) from None
    if not is_valid:
        name, errors = next(iter(parameters.errors.items()))
        raise Problem(f"{name}: {errors[0]}")
    return dict(parameters.validated_data)

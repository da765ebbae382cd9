"""What an alert was about when it opened: its condition as it was then, its labels, its moment."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import OuterRef, Subquery

from alerting.evaluation.decide import BROKEN
from alerting.models import Alert, Rule, Source, Transition
from alerting.rule_types import AnyRuleType, ConditionError, rule_types
from alerting.rule_types.conditions import Condition, is_scalar
from alerting.sources.raw import RawQuestion
from alerting.sources.samples import text_of
from alerting.sources.scans import Filters
from projects.pages.page import Problem
from projects.pages.time_range import TimeRange
from storage.sql_pieces import Sql

BEFORE = AFTER = timedelta(hours=1)
"""What the page looks at around the moment."""

_AS_THEN = ("rule_type", "source_type", "condition")


@dataclass(frozen=True, slots=True)
class Case:
    """`rule` is a copy that has type, source and condition of that time; it is never saved."""

    alert: Alert
    rule: Rule
    kind: AnyRuleType
    condition: Condition

    @property
    def source(self) -> str:
        return self.rule.source_type

    @property
    def moment(self) -> datetime:
        return moment_of(self.alert)

    def record_filters(self, source: str) -> Filters | None:
        """What the records of this source have in common that the rule looks at; None where it looks at none."""
        question = self._question(source)
        return question.filters_of(self.alert.labels) if question else None

    def event_condition(self) -> Sql | None:
        """The rows of events that the rule looks at; None where it looks at none."""
        question = self._question(Source.TELEMETRY_EVENT)
        return question.condition_of(self.alert.labels) if question else None

    def _question(self, source: str) -> RawQuestion | None:
        """The first that the rule asks this source."""
        asked = self.kind.raw_questions(self.condition, self.source)
        return next((one for one in asked if one.source == source), None)

    @property
    def clues(self) -> Mapping[str, str]:
        """Labels and filters together: what is known of where it happens."""
        own = {name: text_of(value) for name, value in self.condition.filters.items() if is_scalar(value)}
        return {**own, **{name: str(text) for name, text in self.alert.labels.items()}}

    def time_before(self, shortest: timedelta, longest: timedelta) -> timedelta:
        """How far back from its moment the rule looked, within these limits."""
        return min(max(timedelta(seconds=self.condition.window_seconds), shortest), longest)


def moment_of(alert: Alert) -> datetime:
    """When it fired, or became pending if it never did."""
    return alert.triggered_at or alert.pending_since


def time_around(alert: Alert, now: datetime) -> TimeRange:
    """Two hours: an hour before and after the moment, or up to now while that hour isn't over."""
    end = min(moment_of(alert) + AFTER, now)
    return TimeRange(min(end - BEFORE - AFTER, moment_of(alert)), end)


def opening_evidence() -> Subquery:
    """What the tick saw at an alert's first change, as a column of alerts."""
    changes = Transition.objects.filter(alert=OuterRef("pk"), evidence__isnull=False)
    return Subquery(changes.order_by("at", "id").values("evidence")[:1])


def case_of(alert: Alert, evidence: Mapping[str, Any] | None) -> Case:
    """By what `opening_evidence` has. Raises Problem where there is no condition that one could look at."""
    if alert.labels == dict(BROKEN):
        raise Problem("The rule itself could not be evaluated: there is nothing it measured.")
    seen = evidence or {}
    rule = copy(alert.rule)
    if all(name in seen for name in _AS_THEN):
        rule.rule_type, rule.source_type, rule.condition_config = (seen[name] for name in _AS_THEN)
    kind = rule_types().get(rule.rule_type)
    try:
        condition = kind.parse(rule.condition_config, rule.source_type) if kind else None
    except ConditionError:
        condition = None
    if kind is None or condition is None:
        raise Problem("The rule's condition of that time can't be read any more.")
    return Case(alert, rule, kind, condition)

"""A number far from what is usual at this time of the week."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args
from weakref import WeakKeyDictionary

from alerting.rule_types import fields, selection
from alerting.rule_types.bands import HOUR, Band, Hours, bands, blended, filled, overlaps
from alerting.rule_types.condition_field import ConditionField
from alerting.rule_types.conditions import (
    RuleInput,
    RuleType,
    describe_limit,
    describe_scope,
    describe_window,
)
from alerting.rule_types.selection import EVENTS, MeasuredSelection
from alerting.sources.reading import Hourly, Reading, Sources
from alerting.sources.samples import Answer, LabelSet, Question, Window
from alerting.state import Operator, Sample
from alerting.values import format_number

Direction = Literal["both", "above", "below"]
WORDS: Mapping[Direction, str] = {"both": "above or below", "above": "above", "below": "below"}
MAX_WEEKS = 26
KEPT_FOR = timedelta(hours=2)
"""Bands of earlier hours go; only rules that look back further ask for them again."""

_TICK_SECONDS = 1e-6
"""Windows have their end inside and hours don't: what is compared with hours is cut as they are."""

BandsByLabels = Mapping[LabelSet, Mapping[datetime, Band]]


class AnomalyCondition(MeasuredSelection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`threshold`: how many robust standard deviations from the usual are too far."""

    operator: Operator = ">"
    threshold: float = 4
    time_window_minutes: float = 60
    direction: Direction = "both"
    history_weeks: int = 4


@dataclass(frozen=True, slots=True)
class Plan:
    now: selection.Plan
    history_weeks: int


class Anomaly(RuleType[AnomalyCondition, Plan]):
    """Value: robust standard deviations from the median of the same hour of the week, in the rule's direction.

    The band is made of hourly values (`alerting.rule_types.bands`) before the window, once an hour. A window shorter
    than an hour has its share of an hour's count, and is taken to spread as independent values do.
    """

    name = "anomaly"
    label = "something unusual for the time"
    hint = (
        "Learns from the last weeks what is usual at each hour of the week, and tells when the number is far "
        "from it: orders on a Monday morning, traffic at night. Higher thresholds tell less."
    )
    sources = selection.ALL_SOURCES
    judged_by = ("direction", "operator", "threshold", "critical_threshold")
    condition_class = AnomalyCondition

    def check(self, condition: AnomalyCondition, source: str) -> dict[str, str]:
        errors = selection.selection_errors(condition, source)
        if condition.operator not in {">", ">="}:
            errors["operator"] = "Must be > or >=: the direction says which side is meant."
        if condition.threshold <= 0:
            errors["threshold"] = "Must be more than 0."
        if condition.time_window_minutes > 60:
            errors["time_window_minutes"] = "Must be at most 60: the usual is known by the hour."
        if not 1 <= condition.history_weeks <= MAX_WEEKS:
            errors["history_weeks"] = f"Must be 1 to {MAX_WEEKS}."
        return errors

    def describe(self, condition: AnomalyCondition, source: str) -> str:
        what = f"{selection.describe_measured(condition, source)}{describe_scope(condition)}"
        window = describe_window(condition.time_window_minutes)
        side = WORDS[condition.direction]
        return f"{what} over {window} {describe_limit(condition)} deviations {side} the usual"

    def form_fields(self, source: str) -> dict[str, ConditionField]:
        limit = fields.limit()
        return {
            **fields.selection(source),
            **fields.scope(source),
            "history_weeks": fields.WholeNumberField(
                label="Usual is what the last weeks had",
                help_text="So many weeks; 4 know each hour of the week.",
            ),
            "direction": fields.choice(
                "Unusual is", [(name, WORDS[name].capitalize()) for name in get_args(Direction)], "both"
            ),
            **limit,
        }

    def is_zero_without_rows(self, condition: AnomalyCondition, source: str) -> bool:
        return False

    def plan(self, condition: AnomalyCondition, source: str) -> Plan:
        now = selection.plan_of(source, condition, condition.aggregation)
        return Plan(now, condition.history_weeks)

    def measure(
        self, plan: Plan, reading: Reading, inputs: Sequence[RuleInput[AnomalyCondition]]
    ) -> dict[int, Answer]:
        source = plan.now.source
        questions = [
            selection.measuring(source, one.condition, one.rule_id, one.wants_silent) for one in inputs
        ]
        length = plan.now.window_seconds
        now = selection.ask(reading.sources, source, reading.window(length, _TICK_SECONDS), questions)
        usual = _BANDS.of(plan, reading, questions)
        shares = overlaps(reading.now, length)
        return {
            one.rule_id: _judge(one.condition, source, now[one.rule_id], usual[one.rule_id], shares)
            for one in inputs
        }


@dataclass(frozen=True, slots=True)
class _Key:
    hour: datetime
    project_id: int
    plan: Plan
    asked: Question


class _BandCache:
    """Bands of the hours that a window touches, worked out once an hour for each question to each source."""

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[Sources, dict[_Key, BandsByLabels]] = WeakKeyDictionary()

    def of(self, plan: Plan, reading: Reading, questions: Sequence[Question]) -> dict[int, BandsByLabels]:
        kept = self._kept.setdefault(reading.sources, {})
        first = min(overlaps(reading.now, plan.now.window_seconds))
        keys = {one.rule_id: _Key(first, reading.project_id, plan, one.without_rule) for one in questions}
        missing = {keys[one.rule_id]: one for one in questions if keys[one.rule_id] not in kept}
        if missing:
            for key in [key for key in kept if key.hour < first - KEPT_FOR]:
                del kept[key]
            length = timedelta(weeks=plan.history_weeks).total_seconds()
            history = Window(reading.project_id, first, length)
            hourly = reading.sources.hourly(plan.now.source, history, list(missing.values()))
            for key, question in missing.items():
                kept[key] = _bands(plan.now.source, question, hourly[question.rule_id], first)
        return {rule_id: kept[key] for rule_id, key in keys.items()}


_BANDS = _BandCache()


def _bands(source: str, question: Question, hourly: Hourly, first: datetime) -> BandsByLabels:
    """Of the next hour as well: the window reaches it before it leaves the first one."""
    is_counted = selection.is_counted(source, question.metric, question.aggregation)
    return {
        labels: bands(filled(values, first) if is_counted else values, (first, first + HOUR))
        for labels, values in hourly.items()
    }


def _judge(
    condition: AnomalyCondition, source: str, now: Answer, usual: BandsByLabels, shares: Hours
) -> Answer:
    is_counted = selection.is_counted(source, condition.metric or "", condition.aggregation)
    samples = {labels: one for labels, one in now.samples.items() if one.stale}
    seen = {*now.samples, *usual} if is_counted else set(now.samples)
    for labels in (seen if condition.group_by else {()}) - samples.keys():
        sample = now.samples.get(labels)
        value = sample.value if sample else (0.0 if is_counted else None)
        band = blended(usual.get(labels, {}), shares)
        samples[labels] = _sample(condition, value, _fitted(condition, source, band))
    return Answer(samples, now.silent)


def _fitted(condition: AnomalyCondition, source: str, band: Band | None) -> Band | None:
    """The band of an hour for a window that is a part of one."""
    if band is None:
        return None
    share = condition.window_seconds / HOUR.total_seconds()
    if condition.aggregation in {"avg", "rate"} and source != EVENTS and condition.metric != "span_count":
        return band.scaled(1, 1 / math.sqrt(share))
    if source == EVENTS or condition.aggregation in {"count", "sum"} or condition.metric == "span_count":
        fitted = band.scaled(share, math.sqrt(share))
        # What is counted spreads at least as independent arrivals do.
        least = math.sqrt(max(fitted.center, 1.0)) if condition.aggregation != "sum" else 0.0
        return Band(fitted.center, max(fitted.spread, least), fitted.kind)
    return band


def _sample(condition: AnomalyCondition, value: float | None, band: Band | None) -> Sample:
    if value is None:
        return Sample(None)
    if band is None:
        return Sample(None, remark="too little history to know what is usual")
    deviations = band.deviations(value)
    sided = {"both": abs(deviations), "above": deviations, "below": -deviations}[condition.direction]
    low, high = (
        band.center - condition.threshold * band.spread,
        band.center + condition.threshold * band.spread,
    )
    usual = f"{format_number(low)} to {format_number(high)} is usual for {band.kind}"
    return Sample(sided, remark=f"{format_number(value)}, where {usual}")


RULE_TYPE = Anomaly()

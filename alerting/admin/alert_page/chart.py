"""The chart around the moment of an alert: what its rule measured, its limits, and when the alert was open."""

from __future__ import annotations

import math
from datetime import datetime
from itertools import count

from django.db.models import Q
from msgspec import structs

from alerting.admin.alert_page.case import Case
from alerting.backtest.errors import BacktestError, TooMuch
from alerting.backtest.period import Period
from alerting.backtest.run import measured
from alerting.backtest.tracks import Tracks
from alerting.models import Alert, Rule, Source, Status
from alerting.overlays.episodes import bands_of
from alerting.rule_types.change import ChangeCondition
from alerting.rule_types.conditions import Condition
from alerting.rule_types.event_frequency import EventFrequencyCondition
from alerting.rule_types.metric_threshold import MetricThresholdCondition
from alerting.sources.samples import EVERY_LABEL, label_set
from alerting.units import sent_units, unit_as_sent
from alerting.values import value_text
from analytics.matchers import EVERY_EVENT, Filter, Matcher
from events.deploys import deploys
from metrics.pages import unit_text
from projects.pages.charts import LARGEST, Line, Mark, Points, Threshold, TimeChart
from projects.pages.page import Problem
from projects.pages.scope import Scope

SHORTEST_STEP_SECONDS = 30
"""At most 240 evaluations for two hours: as many as a chart has room for."""

MOST_EPISODES = 50

_NARROWED = {"metric_threshold", "event_frequency"}
"""Types that measure each label set by itself: asked for one, they give the same number for it."""
_SPAN_UNITS = {"duration_ms": "ms", "span_count": "spans"}


class _NarrowedEvents(EventFrequencyCondition, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A condition's events that pass `own`, too: a label may be longer than what conditions may ask for."""

    own: Matcher = EVERY_EVENT

    @property
    def matcher(self) -> Matcher:
        return super().matcher.both(self.own)


def alert_chart(case: Case, scope: Scope) -> TimeChart:
    """Raises Problem, in words, where it can't be measured (any more)."""
    alert, rule = case.alert, case.rule
    rule.evaluation_interval_seconds = max(rule.evaluation_interval_seconds, SHORTEST_STEP_SECONDS)
    start, end = scope.range.start, scope.range.end
    try:
        period, tracks = measured(rule, _narrowed(case), start, end, scope.now)
    except TooMuch:
        raise Problem(
            "Measuring these two hours again takes too long for a page. Why has the records that the rule saw."
        ) from None
    except BacktestError as error:
        raise Problem(f"What the rule measured can't be shown. {error}") from None
    unit = _unit(rule, case.condition)
    return TimeChart(
        id="alert-chart",
        title=case.kind.describe(case.condition, case.source),
        lines=[Line("value", _points(tracks, period, alert))],
        start=start,
        end=end,
        zone=scope.zone,
        unit=unit,
        thresholds=_limits(case.condition, rule.recovery_threshold, alert.severity, unit),
        bands=bands_of(_episodes(alert, start, end), start, end, scope.now),
        marks=_marks(alert, start, end),
        zooms=False,
        height=260,
    )


def _unit(rule: Rule, condition: Condition) -> str:
    """Of what is drawn; "" where that has none, as deviations from the usual. At most one query."""
    if not isinstance(condition, MetricThresholdCondition | ChangeCondition):
        return condition.unit_in(rule.source_type)
    name = condition.metric or ""
    if rule.source_type == Source.TRACE:
        return condition.unit_in(rule.source_type) or _SPAN_UNITS.get(name, "")
    if rule.source_type != Source.SYSTEM_METRIC or condition.aggregation == "count":
        return condition.unit_in(rule.source_type)
    metric = rule.project_id, name
    sent = sent_units([metric])
    if unit := unit_as_sent(rule, condition, sent):
        return unit
    unit = unit_text(sent.get(metric, ""))
    return f"{unit}/s" if condition.aggregation == "rate" else unit


def _narrowed(case: Case) -> Condition:
    """Asks for the alert's own label set where that is enough: other hosts' points need not be read."""
    condition, labels = case.condition, case.alert.labels
    if case.rule.rule_type not in _NARROWED or not condition.group_by:
        return condition
    names = tuple(labels) if condition.group_by == EVERY_LABEL else condition.group_by
    own = {name: str(labels.get(name, "")) for name in names}
    if isinstance(condition, EventFrequencyCondition):
        filters = tuple(Filter(name, "equals", (text,)) for name, text in own.items())
        return _NarrowedEvents(**structs.asdict(condition), own=Matcher(filters=filters))
    return structs.replace(condition, filters={**condition.filters, **own})


def _points(tracks: Tracks, period: Period, alert: Alert) -> Points:
    """One for each step; None is a gap. What counts rows has a 0 where there were none."""
    track = tracks.by_labels.get(label_set((name, str(text)) for name, text in alert.labels.items()))
    values = dict(track.items()) if track else {}
    measured_values = (None if step in tracks.broken else values.get(step, tracks.absent) for step in count())
    return [
        (at, None if value is None or math.isnan(value) else value)
        for at, value in zip(period.moments(), measured_values, strict=False)
    ]


def _limits(condition: Condition, recovery: float | None, severity: str, unit: str) -> list[Threshold]:
    limits = (
        (condition.threshold, condition.operator, severity),
        (condition.critical_threshold, f"critical {condition.operator}", "critical"),
        (recovery, "recovers at", "good"),
    )
    return [
        Threshold(value, f"{words} {value_text(value, unit)}", state)
        for value, words, state in limits
        if value is not None and abs(value) <= LARGEST
    ]


def _episodes(alert: Alert, start: datetime, end: datetime) -> list[Alert]:
    """This one, and others of the same rule and labels at the time."""
    same = Alert.objects.filter(
        Q(resolved_at=None) | Q(resolved_at__gt=start),
        rule=alert.rule_id,
        fingerprint=alert.fingerprint,
        pending_since__lt=end,
    )
    return list(same.order_by("-pending_since")[:MOST_EPISODES])


def _marks(alert: Alert, start: datetime, end: datetime) -> list[Mark]:
    """Deploys of the time, and when somebody took the alert on."""
    marks = [Mark(one.at, one.label) for one in deploys(alert.project_id, start, end)]
    if alert.acknowledged_at and start <= alert.acknowledged_at < end and alert.status != Status.PENDING:
        marks.append(Mark(alert.acknowledged_at, f"acknowledged by {alert.acknowledged_by}"))
    return marks

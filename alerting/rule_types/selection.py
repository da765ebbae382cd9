"""What a condition watches, for rule types that take several sources: its keys, and the questions they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from alerting.rule_types.conditions import MAX_TEXT, Condition, SourceName
from alerting.rule_types.event_matchers import (
    alternatives_in_words,
    matcher_error,
    matcher_of,
    named_in_words,
)
from alerting.sources import events, metric_points, spans
from alerting.sources.reading import Sources
from alerting.sources.samples import EVERY_LABEL, Aggregation, Answer, Question, Window
from alerting.sources.scans import Columns
from analytics.matchers import MATCHER_KEYS, NAMED_COLUMNS, Matcher

EVENTS: Final = "telemetry_event"
METRICS: Final = "system_metric"
BUSINESS: Final = "business_metric"
TRACES: Final = "trace"
ALL_SOURCES: tuple[SourceName, ...] = (EVENTS, METRICS, BUSINESS, TRACES)
SPAN_METRICS = get_args(spans.SpanMetric)
COLUMNS: Mapping[str, Columns] = {EVENTS: events.COLUMNS, TRACES: spans.COLUMNS}
"""Sources of wide rows; the others have series with labels of any name."""


class EventSelection(Condition, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of events its keys `event_name`, `event_type`, `event_category`, `filters` and `any_of` are a matcher."""

    event_type: str | None = None
    event_name: str | None = None
    event_category: str | None = None
    any_of: tuple[Any, ...] = ()

    @property
    def matcher_json(self) -> dict[str, Any]:
        """The keys that together are a matcher, where they are given."""
        return {name: value for name in MATCHER_KEYS if (value := getattr(self, name))}

    @property
    def matcher(self) -> Matcher:
        return matcher_of(self.matcher_json)

    @property
    def filters_in_words(self) -> list[str]:
        alternatives = alternatives_in_words(self.matcher) if self.any_of else []
        return [*super().filters_in_words, *alternatives]


class Selection(EventSelection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Records of any source: `metric` of metrics and business metrics, the other keys of events."""

    metric: str | None = None


class MeasuredSelection(Selection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A number made of records: of events their count, else `aggregation` of `metric`."""

    aggregation: Aggregation = "avg"


@dataclass(frozen=True, slots=True)
class Plan:
    """Questions with equal plans can be asked together."""

    source: str
    window_seconds: float
    shape: Aggregation
    group_by: tuple[str, ...]


def plan_of(source: str, condition: Condition, aggregation: Aggregation) -> Plan:
    shape = metric_points.shape_of(aggregation) if source == METRICS else "avg"
    return Plan(source, condition.window_seconds, shape, condition.group_by)


def counting(source: str, condition: Selection, rule_id: int, *, wants_silent: bool = False) -> Question:
    """How many records there are."""
    if source == EVENTS:
        return counting_events(rule_id, condition.matcher, condition.group_by)
    metric = "span_count" if source == TRACES else condition.metric or ""
    return Question(rule_id, metric, "count", condition.text_filters, condition.group_by, wants_silent)


def counting_events(rule_id: int, matcher: Matcher, group_by: tuple[str, ...]) -> Question:
    return Question(rule_id, "events", "count", (), group_by, matcher=matcher)


def measuring(source: str, condition: MeasuredSelection, rule_id: int, wants_silent: bool) -> Question:
    if source == EVENTS:
        return counting(source, condition, rule_id)
    return Question(
        rule_id,
        condition.metric or "",
        condition.aggregation,
        condition.text_filters,
        condition.group_by,
        wants_silent,
    )


def ask(sources: Sources, source: str, window: Window, questions: Sequence[Question]) -> dict[int, Answer]:
    """The answers by rule id to questions with the same group_by and shape. Raises as the sources do."""
    first = questions[0]
    match source:
        case "telemetry_event":
            return sources.events(window, first.group_by, questions)
        case "trace":
            return sources.spans(window, first.group_by, questions)
        case "system_metric":
            return sources.metric_points(window, metric_points.shape_of(first.aggregation), questions)
        case _:
            return sources.business_metrics(window, questions)


def is_counted(source: str, metric: str, aggregation: Aggregation) -> bool:
    """Whether no rows mean 0 instead of no data."""
    if source == TRACES:
        return spans.is_counted(metric, aggregation)
    return source == EVENTS or aggregation in {"count", "rate"}


def selection_errors(condition: Selection, source: str, *, needs_metric: bool = True) -> dict[str, str]:
    """What is wrong with the keys that say what to watch; of spans `needs_metric` says whether one is named."""
    if source == EVENTS:
        errors = {"metric": "Events have no metric."} if condition.metric else {}
        return errors | event_errors(condition)
    errors = only_events_errors(condition)
    if source == TRACES and not needs_metric:
        if condition.metric:
            errors["metric"] = "Spans are counted, without a metric."
    elif problem := metric_error(condition.metric, source):
        errors["metric"] = problem
    return errors | column_errors(condition, source)


def event_errors(condition: EventSelection) -> dict[str, str]:
    key, problem = matcher_error(condition.matcher_json)
    return ({key: problem} if problem else {}) | column_errors(condition, EVENTS)


def only_events_errors(condition: EventSelection) -> dict[str, str]:
    """Of a condition that watches anything else."""
    return {name: "Only events have this." for name in (*NAMED_COLUMNS, "any_of") if getattr(condition, name)}


def metric_error(metric: str | None, source: str) -> str:
    if metric is None:
        return "This key is required."
    if source == TRACES and metric not in SPAN_METRICS:
        return f"Must be one of {', '.join(SPAN_METRICS)} for traces."
    if not metric or len(metric) > MAX_TEXT or "\0" in metric:
        return f"Must have 1 to {MAX_TEXT} characters."
    return ""


def column_errors(condition: Condition, source: str) -> dict[str, str]:
    """Group_by of events and spans, and filters of spans, name columns; series may have labels of any name.

    Filters of events belong to their matcher.
    """
    columns = COLUMNS.get(source)
    if columns is None:
        return {}
    errors: dict[str, str] = {}
    if condition.group_by == EVERY_LABEL:
        what = "events" if source == EVENTS else "spans"
        errors["group_by"] = f"Name the columns: {what} have no fixed set of labels."
    elif problem := columns.group_error(condition.group_by):
        errors["group_by"] = problem
    if source != EVENTS and (unknown := columns.unknown(condition.filters)):
        errors["filters"] = unknown
    return errors


def describe_records(condition: Selection, source: str) -> str:
    """ "paid events", "points of cpu_usage", "spans"."""
    match source:
        case "telemetry_event":
            return f"{named_in_words(condition.matcher) or 'any'} events"
        case "trace":
            return "spans"
        case _:
            return f"points of {condition.metric}"


def describe_measured(condition: MeasuredSelection, source: str) -> str:
    """ "number of paid events", "avg cpu_usage", "error_ratio"."""
    if source == EVENTS:
        return f"number of {describe_records(condition, source)}"
    if source == TRACES and condition.metric != "duration_ms":
        return condition.metric or ""
    return f"{condition.aggregation} {condition.metric}"

"""Two selections of the same source and the ratio between them: errors among requests, orders among visits.

A selection is written as filters: `{"status": "error"}`, `{"metric": "errors_total"}`; of events it is a matcher, whose
filters may stand beside its other keys: `{"event_name": "paid", "tags.plan": "gold"}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerting.rule_types import selection
from alerting.rule_types.conditions import describe_scope, filters_error
from alerting.rule_types.event_matchers import (
    events_in_words,
    matcher_error,
    matcher_of,
    selection_error,
    spelled_out,
    tests_in_words,
)
from alerting.rule_types.selection import BUSINESS, EVENTS, METRICS, TRACES, EventSelection
from alerting.sources.raw import RawQuestion
from alerting.sources.reading import Sources
from alerting.sources.samples import Aggregation, Answer, LabelSet, Question, Window, text_of
from alerting.sources.scans import Filters
from analytics.matchers import Matcher, size_error

Selected = Mapping[str, Any]
METRIC = "metric"

EXAMPLES = "metric=http_errors_total; for traces status=error"
"""Of all sources: the rule form has one line of help for a field, whichever source is chosen."""


@dataclass(frozen=True, slots=True)
class Share:
    """One rule's two selections; `whole` without a metric has the part's."""

    rule_id: int
    part: Selected
    whole: Selected
    condition: EventSelection
    aggregation: Aggregation


@dataclass(frozen=True, slots=True)
class Parts:
    """What a window has of both, by label set, and the label sets whose series have ended."""

    part: Mapping[LabelSet, float]
    whole: Mapping[LabelSet, float]
    ended: frozenset[LabelSet] = frozenset()


def default_aggregation(source: str) -> Aggregation:
    """Metrics of requests and errors are counters; what businesses count comes by period."""
    if source == METRICS:
        return "rate"
    return "sum" if source == BUSINESS else "count"


def share_errors(selected: Mapping[str, Selected], condition: EventSelection, source: str) -> dict[str, str]:
    """What is wrong with two selections by field, the part first, and with what both share."""
    if source == EVENTS:
        errors = selection.event_errors(condition)
    else:
        errors = selection.only_events_errors(condition) | selection.column_errors(condition, source)
    (part_name, part), (whole_name, whole) = selected.items()
    for name, own in selected.items():
        if problem := _selected_error(own, condition, source):
            errors[name] = problem
    if source in {METRICS, BUSINESS} and METRIC not in part:
        errors.setdefault(part_name, "Name the metric, as metric=errors_total.")
    if not selected.keys() & errors.keys() and _is_same(part, whole, source):
        errors[part_name] = f"Must differ from {whole_name}: it is a share of it."
    return errors


def _is_same(part: Selected, whole: Selected, source: str) -> bool:
    if source == EVENTS:
        return matcher_of(spelled_out(part)) == matcher_of(spelled_out(whole))
    return _complete(part, whole) == part


def ask_both(sources: Sources, source: str, window: Window, shares: Sequence[Share]) -> dict[int, Parts]:
    """What the window has for each rule. All have the same group_by and shape of aggregation."""
    questions = [question for number, one in enumerate(shares) for question in both(source, one, 2 * number)]
    answers = selection.ask(sources, source, window, questions)
    return {
        one.rule_id: _parts(answers[2 * number], answers[2 * number + 1]) for number, one in enumerate(shares)
    }


def both(source: str, share: Share, first_id: int) -> tuple[Question, Question]:
    """The questions about the part and the whole, under `first_id` and the next one."""
    whole = _complete(share.part, share.whole)
    return (
        _question(source, share, share.part, first_id),
        _question(source, share, whole, first_id + 1),
    )


def raw_question(
    source: str, selected: Selected, condition: EventSelection, window_seconds: float
) -> RawQuestion:
    """The single records that one of the selections counts."""
    if source == EVENTS:
        matcher = _matcher(condition, selected)
        return RawQuestion(source, "", (), condition.group_by, window_seconds, matcher)
    metric = text_of(selected.get(METRIC, ""))
    return RawQuestion(source, metric, _filters(condition, selected), condition.group_by, window_seconds)


def describe_selected(selected: Selected, source: str) -> str:
    """ "errors_total where code is 500", "paid events", "spans where status is error"; empty for all of a metric."""
    if source == EVENTS:
        return events_in_words(matcher_of(spelled_out(selected)))
    others = [f"{name} is {text_of(value)}" for name, value in selected.items() if name != METRIC]
    what = "spans" if source == TRACES else text_of(selected.get(METRIC, ""))
    if others:
        return f"{what} where {' and '.join(others)}".strip()
    return f"all {what}" if source == TRACES else what


def describe_common(condition: EventSelection, source: str) -> str:
    """ " of each tenant_id where event_type is click": what both selections share, names of events included."""
    return describe_scope(condition, tests_in_words(condition.matcher) if source == EVENTS else None)


def _complete(part: Selected, whole: Selected) -> Selected:
    return {METRIC: part[METRIC], **whole} if METRIC in part else whole


def _selected_error(selected: Selected, condition: EventSelection, source: str) -> str:
    if source == EVENTS:
        return _events_error(selected, condition)
    if problem := filters_error(selected):
        return problem
    filters = [name for name in selected if name != METRIC]
    if twice := [name for name in filters if name in condition.filters]:
        return f"{twice[0]} is given twice."
    columns = selection.COLUMNS.get(source)
    if columns is None:
        return ""
    return "Has no metric." if METRIC in selected else columns.unknown(filters)


def _events_error(selected: Selected, condition: EventSelection) -> str:
    if problem := selection_error(selected):
        return problem
    shared, _ = matcher_error(condition.matcher_json)
    if shared:
        return ""
    asked = condition.matcher.equalities
    if twice := [name for name in matcher_of(spelled_out(selected)).equalities if name in asked]:
        return f"{twice[0]} is given twice."
    problem = size_error(_matcher(condition, selected))
    return f"With what holds for both: {problem}" if problem else ""


def _matcher(condition: EventSelection, selected: Selected) -> Matcher:
    """The rule's own and the selection's."""
    return matcher_of(spelled_out(selected)).both(condition.matcher)


def _question(source: str, share: Share, selected: Selected, rule_id: int) -> Question:
    if source == EVENTS:
        matcher = _matcher(share.condition, selected)
        return selection.counting_events(rule_id, matcher, share.condition.group_by)
    metric = "span_count" if source == TRACES else text_of(selected[METRIC])
    filters = _filters(share.condition, selected)
    return Question(rule_id, metric, share.aggregation, filters, share.condition.group_by)


def _filters(condition: EventSelection, selected: Selected) -> Filters:
    """Those of the rule and the selection's own."""
    own = {name: text_of(value) for name, value in selected.items() if name != METRIC}
    return tuple(sorted({**dict(condition.text_filters), **own}.items()))


def _parts(part: Answer, whole: Answer) -> Parts:
    ended = {labels for labels, sample in whole.samples.items() if sample.stale}
    return Parts(_values(part), _values(whole), frozenset(ended))


def _values(answer: Answer) -> dict[LabelSet, float]:
    return {labels: one.value for labels, one in answer.samples.items() if one.value is not None}

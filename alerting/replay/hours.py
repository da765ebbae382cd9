"""Whole hours of telemetry in memory, each worked out once: a history of weeks is asked for at every step."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from alerting.sources.metric_points import shape_of
from alerting.sources.reading import Hourly, Sources
from alerting.sources.samples import Answer, LabelSet, Question, Window

HOUR = timedelta(hours=1)
# Windows leave their start out and have their end inside; hours have it the other way round.
_TICK = timedelta(microseconds=1)


class Hours:
    """The answers of other sources hour by hour."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._known: dict[tuple[str, Question, datetime], Answer] = {}

    def answers(self, source: str, window: Window, question: Question) -> Hourly:
        """Values by label set and hour for each whole hour of the window; hours without any are left out."""
        found: dict[LabelSet, dict[datetime, float]] = defaultdict(dict)
        plain = question.without_rule
        hour = window.start
        while hour + HOUR <= window.end:
            for labels, sample in self._hour(source, plain, hour).samples.items():
                if sample.value is not None:
                    found[labels][hour] = sample.value
            hour += HOUR
        return found

    def _hour(self, source: str, question: Question, hour: datetime) -> Answer:
        key = (source, question, hour)
        if key not in self._known:
            self._known[key] = self._ask(
                source, question, Window(0, hour + HOUR - _TICK, HOUR.total_seconds())
            )
        return self._known[key]

    def _ask(self, source: str, question: Question, window: Window) -> Answer:
        match source:
            case "telemetry_event":
                answers = self._sources.events(window, question.group_by, [question])
            case "trace":
                answers = self._sources.spans(window, question.group_by, [question])
            case "business_metric":
                answers = self._sources.business_metrics(window, [question])
            case _:
                shape = shape_of(question.aggregation)
                answers = self._sources.metric_points(window, shape, [question])
        return answers[question.rule_id]

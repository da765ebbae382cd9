"""What rules look at, found out by measuring them over nothing: no rule type has to say it a second time."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from alerting.replay.engine import ReplayedRule
from alerting.replay.memory import MemorySources
from alerting.rule_types.conditions import RuleInput
from alerting.sources.reading import Hourly, Reading
from alerting.sources.samples import Aggregation, Answer, Question, Window

MICROSECOND = timedelta(microseconds=1)

PROBE = datetime(2024, 1, 3, 12, 30, tzinfo=UTC)
"""Any moment would do that is far from the full hour: edges of windows on the hour are told apart from others by it."""


class Needs(MemorySources):
    """Sources without telemetry that note which questions they are asked, and of which windows."""

    def __init__(self) -> None:
        super().__init__()
        self.questions: dict[str, set[Question]] = defaultdict(set)
        """By source, without the rule that asked."""
        self.look_back: dict[str, timedelta] = defaultdict(timedelta)
        """By source, how far before an evaluation its windows begin."""
        self.hours: dict[tuple[str, Question], timedelta] = defaultdict(timedelta)
        """How far back a question is asked by the hour."""
        self._edges: set[timedelta] = set()

    def grid(self, step_seconds: float) -> timedelta:
        """The longest piece of time that every edge of every window, and the step, is a multiple of.

        Edges that lie where an hour ends are left out.
        """
        lengths = [timedelta(seconds=step_seconds), *self._edges]
        return math.gcd(*(length // MICROSECOND for length in lengths)) * MICROSECOND

    def metric_points(
        self, window: Window, shape: Aggregation, questions: Sequence[Question]
    ) -> dict[int, Answer]:
        self._note("system_metric", window, questions)
        return super().metric_points(window, shape, questions)

    def business_metrics(self, window: Window, questions: Sequence[Question]) -> dict[int, Answer]:
        self._note("business_metric", window, questions)
        return super().business_metrics(window, questions)

    def events(
        self, window: Window, group_by: tuple[str, ...], questions: Sequence[Question]
    ) -> dict[int, Answer]:
        self._note("telemetry_event", window, questions)
        return super().events(window, group_by, questions)

    def spans(
        self, window: Window, group_by: tuple[str, ...], questions: Sequence[Question]
    ) -> dict[int, Answer]:
        self._note("trace", window, questions)
        return super().spans(window, group_by, questions)

    def hourly(self, source: str, window: Window, questions: Sequence[Question]) -> dict[int, Hourly]:
        for question in questions:
            key = source, question.without_rule
            self.hours[key] = max(self.hours[key], PROBE - window.start)
        return {question.rule_id: {} for question in questions}

    def _note(self, source: str, window: Window, questions: Iterable[Question]) -> None:
        self.questions[source].update(question.without_rule for question in questions)
        self.look_back[source] = max(self.look_back[source], PROBE - window.start)
        self._edges.update(PROBE - edge for edge in (window.start, window.end) if not _ends_an_hour(edge))


def needs_of(rules: Sequence[ReplayedRule], names: Mapping[int, str]) -> Needs:
    """What these rules ask at any moment. `names` are those of all rules of the project, by id."""
    needs = Needs()
    needs.note_rules(names)
    for rule in rules:
        plan = rule.rule_type.plan(rule.condition, rule.source_type)
        reading = Reading(needs, 0, PROBE - timedelta(seconds=rule.evaluation_delay_seconds))
        rule.rule_type.measure(plan, reading, [RuleInput(rule.id, rule.condition, True)])
    return needs


def _ends_an_hour(edge: datetime) -> bool:
    """Whole hours end a microsecond before the next one, because windows have their end inside."""
    after = edge + MICROSECOND
    return not (after.minute or after.second or after.microsecond)

"""Rules stepped through time: the pure half of the evaluation with a clock of one's own, and alerts in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

from alerting.evaluation.decide import EvaluatedRule, KnownAlert, Move, decide
from alerting.evaluation.judging import answer_error, broken, wants_silent
from alerting.rule_types import AnyRuleType
from alerting.rule_types.conditions import Condition, RuleInput
from alerting.sources.reading import Reading, Sources
from alerting.sources.samples import Answer, LabelSet
from alerting.sources.scans import TooManyGroups
from alerting.state import FLAP_WINDOW, AlertState, RuleState


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedRule:
    """A rule to step through time. `state` is what `rule_state` makes of it; its watermark is the replay's own."""

    id: int
    name: str
    source_type: str
    rule_type: AnyRuleType
    condition: Condition
    state: RuleState
    evaluation_delay_seconds: float = 0
    alerts_on_error: bool = False


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation of one rule. `error`: why it could not be evaluated; its alerts then stay as they are."""

    rule_id: int
    at: datetime
    answer: Answer
    moves: Sequence[Move] = ()
    error: str = ""


class ReplaySources(Sources, Protocol):
    """Telemetry that is told what rules there are and which of their alerts fire, as rules about rules ask for it."""

    def note_rules(self, names: Mapping[int, str]) -> None: ...

    def note_firing(self, rule_id: int, label_sets: Sequence[LabelSet]) -> None: ...


class Replay:
    """Rules of one project over telemetry, without a database; nobody acknowledges or silences anything.

    Where a step is late, slots that passed are left out, as the tick does.
    """

    def __init__(self, rules: Sequence[ReplayedRule], sources: ReplaySources, project_id: int = 0) -> None:
        self._sources = sources
        self._project_id = project_id
        self._rounds = _rounds(rules)
        self._marks: dict[int, datetime] = {}
        self._due_at: dict[int, datetime] = {}
        self._alerts: dict[int, dict[LabelSet, KnownAlert]] = {rule.id: {} for rule in rules}
        self._episodes: dict[int, dict[LabelSet, list[AlertState]]] = {rule.id: {} for rule in rules}
        sources.note_rules({rule.id: rule.name for rule in rules})

    def run(self, start: datetime, end: datetime, step_seconds: float) -> Iterator[Evaluation]:
        """Every evaluation from `start` to `end`, both included, with a step each `step_seconds`."""
        now, step = start, timedelta(seconds=step_seconds)
        while now <= end:
            yield from self.step(now)
            now += step

    def step(self, now: datetime) -> list[Evaluation]:
        """Evaluate every rule that is due at `now`; rules about other rules see what those have just done."""
        return [evaluation for rules in self._rounds for evaluation in self._evaluate(rules, now)]

    def alerts_of(self, rule_id: int) -> list[KnownAlert]:
        """The open alerts of a rule, pending ones too."""
        return list(self._alerts[rule_id].values())

    def _evaluate(self, rules: Sequence[ReplayedRule], now: datetime) -> list[Evaluation]:
        groups: dict[Any, list[ReplayedRule]] = defaultdict(list)
        for rule in rules:
            if self._is_due(rule, now):
                plan = rule.rule_type.plan(rule.condition, rule.source_type)
                groups[rule.evaluation_delay_seconds, rule.rule_type.name, plan].append(rule)
        return [
            self._decide(rule, answer, now)
            for (delay_seconds, _, plan), group in groups.items()
            for rule, answer in self._measure(plan, group, now - timedelta(seconds=delay_seconds))
        ]

    def _is_due(self, rule: ReplayedRule, now: datetime) -> bool:
        """Whether a slot of the rule's grid, which begins at its first step, has come since the last one."""
        due_at = self._due_at.setdefault(rule.id, now)
        if now < due_at:
            return False
        slot = timedelta(seconds=rule.state.evaluation_interval_seconds)
        self._due_at[rule.id] = due_at + slot * ((now - due_at) // slot + 1)
        return True

    def _measure(
        self, plan: Any, rules: Sequence[ReplayedRule], end: datetime
    ) -> list[tuple[ReplayedRule, Answer]]:
        reading = Reading(self._sources, self._project_id, end)
        inputs = [RuleInput(rule.id, rule.condition, self._wants_silent(rule)) for rule in rules]
        try:
            answers = rules[0].rule_type.measure(plan, reading, inputs)
        except TooManyGroups as error:
            if len(rules) == 1:
                return [(rules[0], Answer(problem=str(error)))]
            return [found for rule in rules for found in self._measure(plan, [rule], end)]
        return [(rule, answers[rule.id]) for rule in rules]

    def _wants_silent(self, rule: ReplayedRule) -> bool:
        return wants_silent(
            rule.rule_type,
            rule.condition,
            rule.source_type,
            rule.state.no_data,
            has_alerts=bool(self._alerts[rule.id]),
        )

    def _decide(self, rule: ReplayedRule, answer: Answer, now: datetime) -> Evaluation:
        error = answer_error(rule.condition, rule.state.no_data, answer)
        if error and not rule.alerts_on_error:
            return Evaluation(rule.id, now, answer, error=error)
        moves = decide(
            self._ready(rule, answer, error),
            self.alerts_of(rule.id),
            now,
            self._recent_firings(rule.id, now),
        )
        if not error:
            self._marks[rule.id] = now
        for move in moves:
            self._apply(move)
        if moves:
            self._note_firing(rule.id)
        return Evaluation(rule.id, now, answer, moves, error)

    def _ready(self, rule: ReplayedRule, answer: Answer, error: str) -> EvaluatedRule:
        if error:
            return broken(rule.id, rule.state.severity, error)
        return EvaluatedRule(
            id=rule.id,
            state=replace(rule.state, last_evaluated_at=self._marks.get(rule.id)),
            is_grouped=bool(rule.condition.group_by),
            is_zero_without_rows=rule.rule_type.is_zero_without_rows(rule.condition, rule.source_type),
            is_first_since_edit=False,
            answer=answer,
        )

    def _recent_firings(self, rule_id: int, now: datetime) -> dict[tuple[int, LabelSet], list[datetime]]:
        """As `evaluation.load.recent_firings` finds them among stored alerts; older ones are forgotten."""
        start = now - FLAP_WINDOW
        kept = {
            labels: recent
            for labels, episodes in self._episodes[rule_id].items()
            if (recent := [state for state in episodes if _is_recent(state, start)])
        }
        self._episodes[rule_id] = kept
        return {
            (rule_id, labels): [state.triggered_at for state in episodes if state.triggered_at]
            for labels, episodes in kept.items()
        }

    def _apply(self, move: Move) -> None:
        """Keep what the database would: open alerts, and when episodes fired."""
        alerts = self._alerts[move.rule_id]
        if move.state is None or move.state.status == "resolved":
            alerts.pop(move.labels, None)
            return
        before = alerts.get(move.labels)
        alerts[move.labels] = KnownAlert(before.id if before else uuid4(), move.labels, move.state)
        if move.change and move.change.to_status == "firing":
            self._episodes[move.rule_id].setdefault(move.labels, []).append(move.state)

    def _note_firing(self, rule_id: int) -> None:
        fired = [alert.labels for alert in self.alerts_of(rule_id) if alert.state.status != "pending"]
        self._sources.note_firing(rule_id, fired)


def _is_recent(episode: AlertState, start: datetime) -> bool:
    fired_at = episode.triggered_at
    return fired_at is not None and fired_at > start and episode.pending_since > start - FLAP_WINDOW


def _rounds(rules: Sequence[ReplayedRule]) -> list[list[ReplayedRule]]:
    """Rules in the order in which a step evaluates them: those about other rules after these.

    Members that are not among the rules are left to the rule type; of a ring, which no one can save, the rest comes
    last.
    """
    names = {rule.name: rule.id for rule in rules}
    waiting = {rule.id: rule for rule in rules}
    rounds: list[list[ReplayedRule]] = []
    while waiting:
        ready = [
            rule
            for rule in waiting.values()
            if not any(
                names.get(member, 0) in waiting if isinstance(member, str) else member in waiting
                for member in rule.rule_type.members(rule.condition)
            )
        ]
        rounds.append(ready or list(waiting.values()))
        for rule in rounds[-1]:
            del waiting[rule.id]
    return rounds

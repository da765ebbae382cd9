"""The raw records that led to a change of an alert, kept with it: they outlive the purge of telemetry.

Gathered soon after the change by a task, never inside the rule tick, which has to stay fast; where no task came in
time, when somebody opens the page.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

import msgspec
from django.db import DatabaseError, connection

from alerting.bounds import bounded_transaction
from alerting.evaluation.decide import BROKEN
from alerting.models import OPEN_STATUSES, Alert, Rule, Transition
from alerting.models.alerts import UNSAMPLED
from alerting.rule_types import AnyRuleType, ConditionError, rule_types
from alerting.rule_types.conditions import Condition
from alerting.sources import raw
from alerting.sources.samples import Window

logger = logging.getLogger(__name__)

MAX_RECORDS = 20
PASS_SECONDS = 1.0
"""A worker has two children, and the rule tick needs one: what a pass leaves over, the next one or a reader gathers."""

BATCH = 50
STATEMENT_TIMEOUT_MS = 1_000

NO_RECORDS = "There were no records in the window when they were gathered."
TOO_SLOW = "The records could not be read in time."
UNREADABLE = "The condition of that time can't be read any more."
RULE_BROKEN = "The rule itself could not be evaluated: no record led to this."


class Member(TypedDict):
    """A rule that a composite one looks at, with its open alerts when this was gathered."""

    rule: int
    rule_name: str
    alerts: list[dict[str, Any]]


class Samples(TypedDict):
    """At most 20 records, newest first; `note` says why there are none. `is_cut`: there were more."""

    gathered_at: str
    records: list[raw.RawRecord]
    members: list[Member]
    is_cut: bool
    note: str


@dataclass(frozen=True, slots=True)
class _Case:
    """What a change was about: everything its records are found by, as it was then."""

    project_id: int
    labels: Mapping[str, str]
    kind: AnyRuleType
    condition: Condition
    source: str
    window_end: datetime


def gather_due(now: datetime, seconds: float = PASS_SECONDS) -> int:
    """Gather for the newest changes that lack it, at least one and for so long at most; returns for how many."""
    until = time.monotonic() + seconds
    gathered = 0
    while waiting := _unsampled():
        for transition in waiting:
            gather(transition, now)
            gathered += 1
            if time.monotonic() >= until:
                return gathered
    return gathered


def _unsampled() -> list[Transition]:
    newest_first = Transition.objects.filter(UNSAMPLED).order_by("-at").select_related("alert")
    with bounded_transaction():
        return list(newest_first[:BATCH])


def gather(transition: Transition, now: datetime) -> None:
    """Gather for one change, and keep it unless somebody was faster. `transition.evidence` has it afterwards.

    Never raises for what the condition or the telemetry is like: then the note says it.
    """
    evidence = transition.evidence
    if evidence is None or "samples" in evidence:
        return
    try:
        with bounded_transaction(STATEMENT_TIMEOUT_MS):
            found = _gathered(transition, evidence, now)
    except DatabaseError:
        found = _samples(now, note=TOO_SLOW)
    except Exception as error:  # a bug that one condition shows must not hold up all others for ever
        logger.warning("transition %s: its records can't be gathered", transition.pk, exc_info=error)
        found = _samples(now, note=UNREADABLE)
    _keep(transition, found)
    transition.evidence = {**evidence, "samples": found}


def _keep(transition: Transition, found: Samples) -> None:
    with bounded_transaction(), connection.cursor() as cursor:
        cursor.execute(
            """UPDATE alerting_transition SET evidence = jsonb_set(evidence, '{samples}', %s::jsonb)
               WHERE id = %s AND NOT evidence ? 'samples'""",
            [msgspec.json.encode(found).decode(), transition.pk],
        )


def _gathered(transition: Transition, evidence: Mapping[str, Any], now: datetime) -> Samples:
    labels = transition.alert.labels
    if labels == dict(BROKEN):
        return _samples(now, note=RULE_BROKEN)
    case = _case(transition.project_id, labels, evidence)
    if case is None:
        return _samples(now, note=UNREADABLE)
    names = case.kind.members(case.condition)
    members = _members(case.project_id, names) if names else []
    records = _records(case)
    note = "" if records or members else NO_RECORDS
    return _samples(now, records=records, members=members, note=note)


def _samples(
    now: datetime,
    *,
    records: Sequence[raw.RawRecord] = (),
    members: Sequence[Member] = (),
    note: str = "",
) -> Samples:
    return Samples(
        gathered_at=now.isoformat(),
        records=list(records[:MAX_RECORDS]),
        members=list(members),
        is_cut=len(records) > MAX_RECORDS,
        note=note,
    )


def _case(project_id: int, labels: Mapping[str, str], evidence: Mapping[str, Any]) -> _Case | None:
    """None where this version doesn't know the rule type or its condition any more."""
    kind = rule_types().get(evidence["rule_type"])
    try:
        condition = kind.parse(evidence["condition"], evidence["source_type"]) if kind else None
    except ConditionError:
        condition = None
    if kind is None or condition is None:
        return None
    window_end = datetime.fromisoformat(evidence["window_end"])
    return _Case(project_id, labels, kind, condition, evidence["source_type"], window_end)


def _records(case: _Case) -> list[raw.RawRecord]:
    """Of all questions together, newest first, one more than is shown."""
    found: list[raw.RawRecord] = []
    for question in case.kind.raw_questions(case.condition, case.source):
        window = Window(case.project_id, case.window_end, question.window_seconds)
        found += raw.newest(window, question, case.labels, MAX_RECORDS + 1)
    return sorted(found, key=lambda record: datetime.fromisoformat(record["at"]), reverse=True)


def _members(project_id: int, names: Sequence[int | str]) -> list[Member]:
    ids = [name for name in names if isinstance(name, int)]
    rules = Rule.objects.filter(project=project_id, deleted_at=None)
    chosen = list(rules.filter(pk__in=ids) | rules.filter(name__in=[str(name) for name in names]))
    alerts = Alert.objects.filter(rule__in=chosen, status__in=OPEN_STATUSES).order_by("-pending_since")
    by_rule: dict[int, list[dict[str, Any]]] = {}
    for alert in alerts[: MAX_RECORDS * len(chosen)]:
        shown = {"id": str(alert.pk), "status": alert.status, "labels": alert.labels}
        by_rule.setdefault(alert.rule_id, []).append(shown)
    return [
        Member(rule=rule.pk, rule_name=rule.name, alerts=by_rule.get(rule.pk, [])[:MAX_RECORDS])
        for rule in chosen
    ]

"""Whether evaluation and delivery go on: what is looked at, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import DateTimeField, ExpressionWrapper, F, Min, QuerySet, Value
from django.db.models.functions import Coalesce, Least
from django_celery_beat.models import PeriodicTask

from alerting.delivery.claims import sendable
from alerting.health.pulses import pulses
from alerting.models import Health, Pulse, Rule
from projects import figures
from projects.models import Project

TICK_TASK = "alerting.tasks.evaluate_due_rules"
DEFAULT_TICK = timedelta(seconds=2)
MISSED_TICKS = 3
SHORTEST_SILENCE = timedelta(seconds=30)
LATE_RULE = timedelta(seconds=60)
LATE_MESSAGE = timedelta(minutes=5)
SILENT_DELIVERY = timedelta(minutes=2)
"""A pass takes 50 s at most, and one begins every 10 s."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What both judgements rest on.

    `tick_every` None: the tick is switched off. `oldest_due_at` is when the rule that waits longest should have been
    evaluated, `late_message_at` when the message that is late longest should have gone out; None: nothing is late.
    """

    tick_at: datetime | None
    tick_every: timedelta | None
    oldest_due_at: datetime | None
    late_message_at: datetime | None
    delivery_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DueRule:
    """A rule that should have been evaluated at `due_at`."""

    id: int
    name: str
    interval_seconds: int
    due_at: datetime


def facts(
    now: datetime,
    late_message: timedelta = LATE_MESSAGE,
    beats: Mapping[str, Pulse] | None = None,
    waiting: Sequence[DueRule] | None = None,
) -> Facts:
    """Four small queries; fewer where pulses, or the rule that `waiting` longest begins with, are known already.

    Messages that wait for a retry, a group, a paused channel or an earlier one are not late.
    """
    found = pulses() if beats is None else beats
    tick, delivery = found.get("evaluation"), found.get("delivery")
    waiting = due_rules(now, 1) if waiting is None else waiting
    late = sendable(now - late_message)
    return Facts(
        tick_at=tick.last_at if tick else None,
        tick_every=tick_every(),
        oldest_due_at=waiting[0].due_at if waiting else None,
        late_message_at=late.aggregate(oldest=Min("next_attempt_at"))["oldest"],
        delivery_at=delivery.last_at if delivery else None,
    )


def evaluation_stall(facts: Facts, now: datetime) -> str:
    """Why evaluation has to be called stalled, in one sentence; empty while it goes on.

    A platform whose tick has not run yet is no stall: what its rules wait for tells soon enough.
    """
    if facts.tick_every is None:
        return "The rule tick is switched off."
    limit = max(MISSED_TICKS * facts.tick_every, SHORTEST_SILENCE)
    if facts.tick_at is not None and now - facts.tick_at > limit:
        return f"The last rule tick was {figures.age(facts.tick_at, now)}."
    if facts.oldest_due_at is not None and now - facts.oldest_due_at > LATE_RULE:
        return f"A rule was due {figures.age(facts.oldest_due_at, now)}."
    return ""


def delivery_stall(facts: Facts, now: datetime) -> str:
    """The same of delivery."""
    if facts.late_message_at is not None:
        return f"A message was due {figures.age(facts.late_message_at, now)} and still waits."
    if facts.delivery_at is not None and now - facts.delivery_at > SILENT_DELIVERY:
        return f"The last delivery that came to its end was {figures.age(facts.delivery_at, now)}."
    return ""


def tick_every() -> timedelta | None:
    """How often rules are looked at; None where the periodic task is switched off."""
    tasks = PeriodicTask.objects.filter(task=TICK_TASK).select_related("interval").order_by("-enabled", "pk")
    task = tasks.first()
    if task is None or (task.enabled and task.interval is None):
        return DEFAULT_TICK
    return task.interval.schedule.run_every if task.enabled else None


def due_rules(now: datetime, limit: int) -> list[DueRule]:
    """Healthy rules that wait at `now`, longest first: for their claim or, where claims end in nothing, longer.

    Unhealthy ones don't wait for the tick but for somebody to mend them.
    """
    return [DueRule(*row) for row in _waiting(now)[:limit]]


def due_rules_here_and_anywhere(
    now: datetime, limit: int, projects: QuerySet[Project]
) -> tuple[list[DueRule], list[DueRule]]:
    """Those of the projects, and of the whole platform the one that waits longest. One query."""
    waiting = _waiting(now)
    here = waiting.filter(project__in=projects).annotate(is_here=Value(True))[:limit]
    anywhere = waiting.annotate(is_here=Value(False))[:1]
    found: tuple[list[DueRule], list[DueRule]] = [], []
    for *row, is_here in here.union(anywhere, all=True):
        found[0 if is_here else 1].append(DueRule(*row))
    found[0].sort(key=lambda rule: (rule.due_at, rule.id))
    return found


def _waiting(now: datetime) -> QuerySet[Rule, tuple[Any, ...]]:
    interval = F("evaluation_interval_seconds") * Value(timedelta(seconds=1))
    expected_at = ExpressionWrapper(
        Coalesce("last_evaluated_at", "created_at") + interval, output_field=DateTimeField()
    )
    rules = Rule.objects.filter(enabled=True, deleted_at=None).exclude(health=Health.UNHEALTHY)
    waiting = rules.annotate(due_at=Least("next_evaluation_at", expected_at)).filter(due_at__lt=now)
    return waiting.order_by("due_at", "pk").values_list("pk", "name", "evaluation_interval_seconds", "due_at")

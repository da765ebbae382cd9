"""Doing the steps of a plan, one after the other, and keeping what came of them."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from projects.retention import Kind
from telemetry_platform.models import PurgeRun
from telemetry_platform.purge.planning import Step, plan

logger = logging.getLogger(__name__)

KEPT_RUNS = timedelta(days=30)
NOTHING = "nothing there"


@dataclass(slots=True)
class Report:
    """What a run did, in words; `left_count` steps had no time."""

    done: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    left_count: int = 0


def purge(
    now: datetime,
    seconds: float = math.inf,
    by_hand: Mapping[Kind, int] | None = None,
    tell: Callable[[str], object] = lambda line: None,
) -> Report:
    """Plan, run and keep a record of it; `tell` hears of each step as it ends."""
    began = time.monotonic()
    record = begin(now)
    report = run(plan(now, by_hand), seconds, tell)
    add(record, report, now + timedelta(seconds=time.monotonic() - began))
    return report


def begin(now: datetime) -> PurgeRun:
    """The record of the run that was asked for at this moment: the same one however often it is taken up again."""
    PurgeRun.objects.filter(started_at__lt=now - KEPT_RUNS).delete()
    return PurgeRun.objects.get_or_create(started_at=now)[0]


def add(record: PurgeRun, report: Report, now: datetime) -> None:
    """Write down what was done until now."""
    record.done, record.failed = [*record.done, *report.done], [*record.failed, *report.failed]
    record.left_count, record.ended_at = report.left_count, now
    record.save()


def run(
    steps: Sequence[Step], seconds: float = math.inf, tell: Callable[[str], object] = lambda line: None
) -> Report:
    """Do the steps; one that fails is logged and doesn't stop the others: the next run finds it again.

    After `seconds` no further step begins, so that a worker's child is free for other work; the next run goes on.
    """
    ends_at = time.monotonic() + seconds
    report = Report()
    for number, step in enumerate(steps, 1):
        if time.monotonic() > ends_at:
            report.left_count = len(steps) - number + 1
            break
        words = _do(step, report)
        tell(f"[{number}/{len(steps)}] {step.text}: {words or NOTHING}")
    return report


def _do(step: Step, report: Report) -> str:
    try:
        words = step.run()
    except Exception as error:
        logger.exception("purge: %s failed", step.text)
        report.failed.append(f"{step.text}: {type(error).__name__}")
        return "failed, see the log"
    if words:
        logger.info("purge: %s: %s", step.text, words)
        report.done.append(f"{step.text}: {words}")
    return words

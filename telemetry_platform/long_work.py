"""The kinds of long work that are about the whole store: adding roll-ups up again, and the purge. For superusers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from django.utils import timezone

from projects.jobs.registry import CannotStart, Kind, Order, Request, Step, Work, register
from storage import partitions
from storage.partitions import start_of
from storage.rollups import engine
from storage.rollups.registry import Rollup, rollups
from storage.times import parse_time
from telemetry_platform.purge import planning, running
from telemetry_platform.rollups import project_ids

DAY = timedelta(days=1)
RECOMPUTE_SECONDS = 5.0
MOST_TRIES = 100
"""Of one day; the worker's own roll-up, which may hold the lock, goes on with it anyway."""
LEASE_SECONDS = 660.0
"""Longer than one statement of a recomputation, or one step of a purge, may take."""


def _check_rebuild(request: Request) -> Order:
    """`start` and `end`: from which day, and up to which time; until now by default."""
    try:
        start = parse_time(request.given.get("start", ""))
        end = parse_time(request.given["end"]) if request.given.get("end") else request.now
    except ValueError:
        raise CannotStart("From and to are days, written like 2026-01-31.") from None
    if start >= end:
        raise CannotStart("From has to lie before to.")
    return Order({"start": start.isoformat(), "end": end.isoformat()}, "All projects")


def _rebuild(work: Work) -> Iterator[Step]:
    """Day by day of each roll-up: charts read a day from raw rows while it is being added up, never a whole month.

    The cursor is the roll-up and day reached, and how often that may still be tried; 0 where it is done.
    """
    start, end = (datetime.fromisoformat(work.parameters[name]) for name in ("start", "end"))
    units = [(rollup, day) for rollup in rollups() for day in _stored_days(rollup, start, end)]
    *reached, tries = work.cursor or ("", "", 0)
    for number, (rollup, day) in enumerate(units):
        place, notes = [rollup.name, day.isoformat()], []
        if place < reached or (place == reached and not tries):
            continue
        if place != reached:
            notes = _invalidate(rollup, max(start, start_of(day)), min(end, start_of(day) + DAY))
            tries = MOST_TRIES
        while not engine.recompute(rollup, RECOMPUTE_SECONDS):
            tries -= 1
            if not tries:
                notes.append(
                    f"{rollup.name}: {day} is not complete yet. The worker goes on; its log names what fails."
                )
                break
            yield Step([*place, tries], 0, number / len(units), notes=tuple(notes))
            notes = []
        yield Step([*place, 0], 1, (number + 1) / len(units), notes=tuple(notes))


def _stored_days(rollup: Rollup, start: datetime, end: datetime) -> list[date]:
    days = partitions.days_of(rollup.raw)
    return [day for day in days if start < start_of(day) + DAY and start_of(day) < end]


def _invalidate(rollup: Rollup, start: datetime, end: datetime) -> list[str]:
    frozen = {day for pk in project_ids() for day in engine.invalidate(rollup, pk, start, end)}
    return [
        f"{rollup.name}: {day} is kept as it is for projects whose raw data of that day was purged."
        for day in sorted(frozen)
    ]


def _check_purge(request: Request) -> Order:
    return Order({}, "What is older than its project keeps")


def _purge(work: Work) -> Iterator[Step]:
    """The plan of the moment it was asked for, but for the steps that an earlier slice did."""
    now = work.created_at
    seen: list[str] = work.cursor or []
    left = [step for step in planning.plan(now) if step.text not in seen]
    total = len(seen) + len(left)
    record = running.begin(now)
    for step in left:
        report = running.run([step])
        seen = [*seen, step.text]
        running.add(record, report, timezone.now())
        failed = (f"Failed: {text}" for text in report.failed)
        yield Step(seen, 1, len(seen) / total, notes=(*report.done, *failed))
    running.add(record, running.Report(), timezone.now())


REBUILD = register(
    Kind(
        name="rebuild_rollups",
        words="Rebuild roll-ups",
        check=_check_rebuild,
        run=_rebuild,
        of_project=False,
        unit="days of roll-ups",
        lease_seconds=LEASE_SECONDS,
    )
)
PURGE = register(
    Kind(
        name="purge",
        words="Purge expired data",
        check=_check_purge,
        run=_purge,
        of_project=False,
        unit="steps",
        lease_seconds=LEASE_SECONDS,
    )
)

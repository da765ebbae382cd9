"""Maintenance windows: spans in which alerts that match keep quiet, and the notices of their start and end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from django.db import transaction

from alerting.bounds import bounded_transaction
from alerting.hints import hint_delivery
from alerting.models import MaintenanceWindow, Notification, Purpose
from alerting.policy.batches import in_batches
from alerting.policy.keys import dedup_key
from alerting.policy.recurrence import (
    Occurrence,
    Recurrence,
    RecurrenceError,
    check,
    next_occurrences,
    occurrence_at,
    starts_between,
)

MAX_DURATION = timedelta(days=31)

LATEST_NOTICE = timedelta(hours=1)
"""A notice that comes later than that, as after an outage of ours, tells nobody anything."""

BATCH = 100
SECONDS = 2.0
"""Past this no further batch of windows begins: messages wait meanwhile."""

STATEMENT_TIMEOUT_MS = 3_000


@dataclass(frozen=True, slots=True)
class Notice:
    """A window's start or end, which its channels hear of."""

    kind: Literal["start", "end"]
    at: datetime
    occurrence: Occurrence


def recurrence_of(window: MaintenanceWindow) -> Recurrence:
    return Recurrence(window.starts_at, window.time_zone, window.recurrence)


def duration_of(window: MaintenanceWindow) -> timedelta:
    return timedelta(minutes=window.duration_minutes)


def window_errors(window: MaintenanceWindow) -> dict[str, str]:
    """What is wrong with when a window happens, by field; empty when nothing is."""
    if timedelta(minutes=window.duration_minutes) > MAX_DURATION:
        return {"duration_minutes": f"At most {MAX_DURATION.days} days."}
    try:
        check(recurrence_of(window))
    except RecurrenceError as error:
        return {error.field: str(error)}
    return {}


def occurrence_now(window: MaintenanceWindow, now: datetime) -> Occurrence | None:
    """The span that runs now; None where the window is disabled or has none."""
    return occurrence_at(recurrence_of(window), duration_of(window), now) if window.enabled else None


def coming(window: MaintenanceWindow, now: datetime, count: int = 5) -> list[Occurrence]:
    """The next spans, the running one included; none where the window is disabled."""
    if not window.enabled:
        return []
    return next_occurrences(recurrence_of(window), duration_of(window), now, count)


def notices(window: MaintenanceWindow, after: datetime, until: datetime) -> list[Notice]:
    """Starts and ends in `(after, until]`, in their order."""
    duration = duration_of(window)
    starts = starts_between(recurrence_of(window), after - duration, until + timedelta(microseconds=1))
    found: list[Notice] = []
    for start in starts:
        occurrence = Occurrence(start, start + duration)
        found += [Notice("start", start, occurrence), Notice("end", start + duration, occurrence)]
    return sorted((one for one in found if after < one.at <= until), key=lambda one: one.at)


def notice_text(window: MaintenanceWindow, notice: Notice) -> str:
    """For example "Backup has begun and lasts until 2026-03-01 04:00 CET"."""
    zone = ZoneInfo(window.time_zone)
    if notice.kind == "end":
        return f"{window.name} is over since {notice.at.astimezone(zone):%Y-%m-%d %H:%M %Z}"
    return (
        f"{window.name} has begun and lasts until {notice.occurrence.end.astimezone(zone):%Y-%m-%d %H:%M %Z}"
    )


def announce_due(now: datetime) -> int:
    """Write the notices that are due into the outbox, each once; returns how many rows that made."""
    windows = MaintenanceWindow.objects.filter(enabled=True)
    with bounded_transaction(STATEMENT_TIMEOUT_MS):
        ids = list(
            windows.filter(channels__isnull=False).order_by("pk").values_list("pk", flat=True).distinct()
        )

    def announce(batch: Sequence[int]) -> int:
        with bounded_transaction(STATEMENT_TIMEOUT_MS):
            locked = windows.filter(pk__in=batch).order_by("pk").select_for_update(skip_locked=True)
            return _announce(list(locked.prefetch_related("channels")), now)

    def put_off(window_id: int) -> None:
        windows.filter(pk=window_id).update(announced_to=now)

    return in_batches(ids, announce, put_off, size=BATCH, seconds=SECONDS)


def _announce(windows: Sequence[MaintenanceWindow], now: datetime) -> int:
    rows: list[Notification] = []
    seen: list[int] = []
    for window in windows:
        due = _due_notices(window, now)
        rows += [row for notice in due for row in _rows(window, notice, now)]
        # Not each time: a look every few seconds would write every window every few seconds.
        if due or window.announced_to is None or now - window.announced_to > LATEST_NOTICE / 2:
            seen.append(window.pk)
    if seen:
        MaintenanceWindow.objects.filter(pk__in=seen).update(announced_to=now)
    if rows:
        Notification.objects.bulk_create(rows, ignore_conflicts=True)
        transaction.on_commit(hint_delivery)
    return len(rows)


def _due_notices(window: MaintenanceWindow, now: datetime) -> list[Notice]:
    """Of a new window only the start of the span that runs."""
    if window.announced_to is None:
        running = occurrence_now(window, now)
        return [Notice("start", running.start, running)] if running else []
    return notices(window, max(window.announced_to, now - LATEST_NOTICE), now)


def _rows(window: MaintenanceWindow, notice: Notice, now: datetime) -> list[Notification]:
    return [
        Notification(
            project_id=window.project_id,
            channel=channel,
            purpose=Purpose.MAINTENANCE,
            text=notice_text(window, notice),
            next_attempt_at=now,
            created_at=now,
            dedup_key=dedup_key("maintenance", window.pk, notice.kind, notice.at.isoformat(), channel.pk),
        )
        for channel in window.channels.all()
    ]

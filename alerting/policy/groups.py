"""When a group speaks: after its wait at first, and not before its interval is over after each message.

Unlike Alertmanager's, a group outlives its alerts: one that comes and goes within the interval adds to the next
message instead of opening a new group with a message of its own each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from alerting.models import Notification, NotificationGroup
from alerting.policy.routing import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A row that waits for its group. `since`: when what it tells began."""

    row: Notification
    policy: Policy
    since: datetime


_SCHEDULE = """
    INSERT INTO alerting_notificationgroup AS known (project_id, key, place, next_flush_at)
    SELECT * FROM unnest(%(projects)s::bigint[], %(keys)s::text[], %(places)s::text[], %(firsts)s::timestamptz[])
    ON CONFLICT (project_id, key, place) DO UPDATE SET next_flush_at =
        CASE WHEN known.next_flush_at > %(now)s THEN known.next_flush_at ELSE EXCLUDED.next_flush_at END
    RETURNING project_id, key, place, next_flush_at
"""
"""A message that is to come takes new alerts along; else the group waits for company as at first."""


def schedule(waiting: Sequence[Waiting], now: datetime) -> None:
    """Set `next_attempt_at` of these rows to when their groups speak. Not saved; one statement for the groups."""
    firsts: dict[tuple[int, str, str], datetime] = {}
    for one in waiting:
        identity = _identity(one.row)
        firsts[identity] = min(
            firsts.get(identity, datetime.max.replace(tzinfo=now.tzinfo)), _first(one, now)
        )
    if not firsts:
        return
    # In one order, so that two ticks never wait for each other's groups.
    ordered = sorted(firsts)
    parameters: dict[str, Any] = {
        "now": now,
        "projects": [project_id for project_id, _, _ in ordered],
        "keys": [key for _, key, _ in ordered],
        "places": [place for _, _, place in ordered],
        "firsts": [firsts[identity] for identity in ordered],
    }
    with connection.cursor() as cursor:
        cursor.execute(_SCHEDULE, parameters)
        flushes = {(project, key, place): at for project, key, place, at in cursor.fetchall()}
    for one in waiting:
        one.row.next_attempt_at = flushes[_identity(one.row)]


def mark_told(rows: Iterable[Notification], now: datetime) -> None:
    """Note that the groups of these rows speak now; `policy` should be loaded with them."""
    intervals = {
        _identity(row): timedelta(seconds=row.policy.group_interval_seconds)
        for row in rows
        if row.group_key and row.policy
    }
    for (project_id, key, place), interval in sorted(intervals.items()):
        NotificationGroup.objects.filter(project=project_id, key=key, place=place).update(
            last_flush_at=now, next_flush_at=now + interval
        )


def place_of(row: Notification) -> str:
    """Where a row goes, as a group knows it: one channel, however many recipients it has, or one address of a rule."""
    return f"channel:{row.channel_id}" if row.channel_id else f"mail:{row.recipient}"


def _identity(row: Notification) -> tuple[int, str, str]:
    return row.project_id, row.group_key, place_of(row)


def _first(one: Waiting, now: datetime) -> datetime:
    """What has waited longer than the group would is told at once."""
    wait = timedelta(seconds=one.policy.group_wait_seconds)
    return now if now - one.since >= wait else now + wait

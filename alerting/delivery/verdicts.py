"""What becomes of a row that is due: it is sent, or kept quiet by something with a name, or given up.

In Alertmanager's order: is there anybody to tell, is there still anything to tell, inhibition, maintenance, silence,
quiet hours. So every alert that fires is told, or its row says what muted it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from alerting.delivery.decisions import FOLLOWING, reason_to_drop
from alerting.models import Notification, NotificationStatus, Purpose, Status
from alerting.outbox import TELLING
from alerting.policy.muting import ActiveMutes, Mute, quiet_of

AlertPlace = tuple[UUID | None, str]
"""An alert and a recipient, within one channel."""

MUTABLE = frozenset({*TELLING, Purpose.RESOLVED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What the places of a batch know.

    `informed`: what became of the message that said that the alert fires. `with_end`: those for which there is a
    message of its end, of alerts that resolved before they were told.
    """

    informed: Mapping[AlertPlace, Literal["sent", "muted"]]
    with_end: Collection[AlertPlace]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a row is not sent now. `look_again_at` None: nor ever."""

    status: NotificationStatus
    reason: str
    muted_by: dict[str, Any] | None = None
    look_again_at: datetime | None = None


def judge(rows: Iterable[Notification], places: Places, mutes: ActiveMutes) -> dict[int, Verdict]:
    """The rows that are not to be sent now, by id; `alert`, `project` and `channel` should be loaded with them."""
    verdicts = {row.pk: _verdict(row, places, mutes) for row in rows}
    return {pk: verdict for pk, verdict in verdicts.items() if verdict}


def settle(verdicts: Mapping[int, Verdict]) -> None:
    """Write verdicts on their rows: one statement for all rows of the same."""
    ids: dict[str, list[int]] = defaultdict(list)
    by_text = {repr(verdict): verdict for verdict in verdicts.values()}
    for pk, verdict in verdicts.items():
        ids[repr(verdict)].append(pk)
    for text, verdict in by_text.items():
        rows = Notification.objects.filter(pk__in=ids[text])
        if verdict.status == NotificationStatus.GAVE_UP:
            rows.update(status=verdict.status, error=verdict.reason, lease_until=None)
        else:
            rows.update(
                status=verdict.status,
                reason=verdict.reason,
                muted_by=verdict.muted_by,
                next_attempt_at=verdict.look_again_at,
                lease_until=None,
            )


def _verdict(row: Notification, places: Places, mutes: ActiveMutes) -> Verdict | None:
    place = row.alert_id, row.recipient
    word = places.informed.get(place)
    reason = reason_to_drop(
        purpose=row.purpose,
        recipient=row.recipient,
        attempt_count=row.attempt_count,
        channel=row.channel,
        is_firing_sent=word == "sent",
    )
    if reason and word == "muted" and row.purpose in FOLLOWING:
        return Verdict(NotificationStatus.MUTED, "its firing message was muted")
    if reason:
        return Verdict(NotificationStatus.GAVE_UP, reason)
    if overtaken := overtaken_by(row, has_end=place in places.with_end):
        return Verdict(NotificationStatus.MUTED, overtaken, row.muted_by)
    mute = _mute(row, mutes)
    if mute is None:
        return None
    return Verdict(NotificationStatus.MUTED, mute.reason, mute.reference, mute.look_again_at(mutes.now))


def is_late_firing(row: Notification) -> bool:
    """Whether it would tell of an alert that has resolved before anybody heard of it."""
    is_resolved = row.alert is not None and row.alert.status == Status.RESOLVED
    return is_resolved and row.purpose == Purpose.FIRING and row.attempt_count == 0


def overtaken_by(row: Notification, *, has_end: bool) -> str:
    """What happened to the alert that makes telling of it pointless; empty where telling still makes sense.

    Most channels hear nothing of an alert's end that people bring about: where no message of it follows (`has_end`) a
    late firing message would stand there for good.
    A message that may have gone out before its deliverer died is sent again, so that the resolved one follows it.
    """
    alert = row.alert
    if alert is None or row.purpose not in TELLING or alert.status == Status.FIRING:
        return ""
    is_resolved = alert.status == Status.RESOLVED
    if row.status == NotificationStatus.MUTED:
        return f"{row.reason}; {'resolved' if is_resolved else 'acknowledged'} meanwhile"
    if is_resolved and row.purpose != Purpose.FIRING:
        return "resolved before"
    if is_late_firing(row) and row.group_key:
        return "resolved before its group was told"
    if is_late_firing(row) and not has_end:
        return "resolved before it was sent"
    if not is_resolved and row.purpose == Purpose.REPEAT:
        return f"acknowledged by {alert.acknowledged_by}"
    return ""


def _mute(row: Notification, mutes: ActiveMutes) -> Mute | None:
    if row.alert is None or row.purpose not in MUTABLE:
        return None
    found = mutes.of(row.project).mute_of(row.alert)
    if found or row.channel is None:
        return found
    return quiet_of(row.channel, row.alert.severity, mutes.now)

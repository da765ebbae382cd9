"""Which rows go out as one message, and why: groups, and what a channel's limit of messages makes wait."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from alerting.messages import message_key
from alerting.models import Notification, Purpose

ALONE = frozenset({Purpose.TEST, Purpose.MAINTENANCE, Purpose.UPDATE})
"""Never part of a message about several alerts, and never held back for a limit."""

MINUTE = timedelta(minutes=1)

Place = tuple[str, bytes]
"""A recipient, and what the rule says of where its messages go in this kind of channel."""

ToldGroup = tuple[str, str]
"""A group's key and a recipient."""


@dataclass(frozen=True, slots=True)
class Flush:
    """Rows that go out as one message. They share a place, and `reason` says why it goes out."""

    rows: Sequence[Notification]
    reason: str

    @property
    def first(self) -> Notification:
        return self.rows[0]

    @property
    def key(self) -> str:
        """The same for every attempt at these rows."""
        return message_key(self.rows)

    @property
    def attempt_count(self) -> int:
        return max(row.attempt_count for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What a channel takes within a minute, and when it was told of something in the last one, by recipient."""

    messages_per_minute: int
    sent_at: Mapping[str, Sequence[datetime]]


@dataclass(frozen=True, slots=True)
class Composed:
    """Messages to send now, and rows that wait for their channel's limit until a time."""

    flushes: list[Flush]
    put_off: dict[int, datetime]


def compose(
    rows: Sequence[Notification],
    *,
    takes_groups: bool,
    told_groups: Collection[ToldGroup],
    limit: Limit | None,
    now: datetime,
) -> Composed:
    """Cut rows into messages, in the order of their first rows.

    Rows of one group and place become one message where the channel's kind `takes_groups`. Past the limit what is left
    becomes one message, or waits for the minute to pass. `told_groups` are those that were told of alerts still open.
    """
    units: dict[tuple[object, ...], list[Notification]] = defaultdict(list)
    for row in rows:
        is_alone = not takes_groups or not row.group_key or row.purpose in ALONE
        units[(row.pk,) if is_alone else (*place_of(row), row.group_key)].append(row)
    if limit is None:
        return Composed([_flush(unit, told_groups) for unit in units.values()], {})
    return _limited(list(units.values()), limit, told_groups, now, can_bundle=takes_groups)


def place_of(row: Notification) -> Place:
    """Rules may send to another place within a channel, so that their alerts can't share a message."""
    kind = row.channel.kind if row.channel else "email"
    options = row.alert.rule.notification_config.get(kind) if row.alert and row.channel else None
    return row.recipient, msgspec.json.encode(options)


def reason_of(rows: Sequence[Notification], told_groups: Collection[ToldGroup]) -> str:
    """Why a message goes out, as Alertmanager names it."""
    purposes = {row.purpose for row in rows}
    is_told = (rows[0].group_key, rows[0].recipient) in told_groups
    if Purpose.FIRING in purposes:
        return "new alerts" if is_told else "first notification"
    if Purpose.RAISED in purposes:
        return "raised to critical"
    if Purpose.REPEAT in purposes:
        return "repeat"
    if Purpose.RESOLVED in purposes:
        return "some resolved" if is_told else "all resolved"
    return Purpose(rows[0].purpose).label.lower()


def _flush(rows: Sequence[Notification], told_groups: Collection[ToldGroup], remark: str = "") -> Flush:
    return Flush(rows, reason_of(rows, told_groups) + remark)


def _limited(
    units: Sequence[list[Notification]],
    limit: Limit,
    told_groups: Collection[ToldGroup],
    now: datetime,
    *,
    can_bundle: bool,
) -> Composed:
    composed = Composed([_flush(unit, told_groups) for unit in units if unit[0].purpose in ALONE], {})
    by_place: dict[Place, list[list[Notification]]] = defaultdict(list)
    for unit in units:
        if unit[0].purpose not in ALONE:
            by_place[place_of(unit[0])].append(unit)
    for (recipient, _), waiting in by_place.items():
        sent_at = limit.sent_at.get(recipient, ())
        free = max(0, limit.messages_per_minute - len(sent_at))
        single_count = free if len(waiting) <= free or not can_bundle else max(0, free - 1)
        rest = [row for unit in waiting[single_count:] for row in unit]
        composed.flushes.extend(_flush(unit, told_groups) for unit in waiting[:single_count])
        if rest and free and can_bundle:
            remark = f"; bundled: at most {limit.messages_per_minute} messages a minute"
            composed.flushes.append(_flush(rest, told_groups, remark))
        elif rest:
            # Where all of the limit is used up by what goes out now, the minute begins now.
            again_at = min(sent_at, default=now) + MINUTE
            composed.put_off.update({row.pk: again_at for row in rest})
    return composed

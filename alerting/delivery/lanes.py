"""One lane: the messages of one channel, one after the other."""

from __future__ import annotations

import logging
import time
import traceback
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from alerting import secrets
from alerting.bounds import bounded_transaction
from alerting.channels import ChannelKind, ConfigError, TransportError, kind
from alerting.channels.base import Config, Reference
from alerting.delivery import claims, records, threads
from alerting.delivery.claims import Lane
from alerting.delivery.decisions import SENT, Outcome, outcome_of
from alerting.delivery.flushes import Flush
from alerting.messages import build_message
from alerting.models import NotificationChannel, NotificationStatus, Purpose
from alerting.policy.muting import Inhibitions

logger = logging.getLogger(__name__)

PASS_SECONDS = 30.0
"""No send starts later than this after its pass began: with 20 s for the send all is over before the lease is."""

BATCH = 50


@dataclass(frozen=True, slots=True)
class Clock:
    """The time of a pass: `start` as the caller says, then as it really goes on."""

    start: datetime
    _started: float = field(default_factory=time.monotonic)

    def elapsed_seconds(self) -> float:
        return time.monotonic() - self._started

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.elapsed_seconds())

    def has_time(self) -> bool:
        return self.elapsed_seconds() < PASS_SECONDS


@dataclass(frozen=True, slots=True)
class Place:
    """Where the messages of a lane go: a kind and its configuration, in the clear."""

    channel: NotificationChannel | None
    kind: ChannelKind
    config: dict[str, Any]

    @property
    def recipients(self) -> list[str]:
        """The channel's own; none for addresses of rules, which stand on the rows."""
        return self.kind.recipients(self.config) if self.channel else []


def run_lane(lane: Lane, clock: Clock, *, only: Collection[int] | None = None) -> Counter[NotificationStatus]:
    """Send what is due in a lane; how many rows came to which status."""
    counts: Counter[NotificationStatus] = Counter()
    with bounded_transaction():
        channel = None if lane is None else NotificationChannel.objects.filter(pk=lane).first()
    if channel is None and lane is not None:
        return counts  # deleted since it was found due; its rows are in the lane without channel now
    try:
        place = _place(channel)
    except (ConfigError, secrets.UnreadableConfigError) as error:
        assert channel is not None
        records.break_channel(channel, str(error), at=clock.now())
        return counts
    inhibitions = Inhibitions()
    while clock.has_time():
        if place.channel and place.recipients:
            new_ids = claims.spread(place.channel, place.recipients)
            only = only and {*only, *(copy for pk in only for copy in new_ids.get(pk, ()))}
        claim = claims.claim(
            lane,
            now=clock.now(),
            limit=BATCH,
            only=only,
            only_spread=bool(place.recipients),
            takes_groups=place.kind.takes_groups,
            inhibitions=inhibitions,
        )
        counts += claim.settled
        if not claim or not _send_batch(claim.flushes, place, clock, counts):
            break
    return counts


def _place(channel: NotificationChannel | None) -> Place:
    """Raises ConfigError or UnreadableConfigError where the channel can't be used as it is stored."""
    if channel is None:
        return Place(None, kind("email"), {})
    config = channel.config
    if renewed := secrets.renewed(channel.config_encrypted):
        # Under the former text only: who has saved a new configuration meanwhile must not lose it.
        same = NotificationChannel.objects.filter(pk=channel.pk, config_encrypted=channel.config_encrypted)
        with bounded_transaction():
            same.update(config_encrypted=renewed)
    return Place(channel, kind(channel.kind), config)


def _send_batch(
    flushes: list[Flush], place: Place, clock: Clock, counts: Counter[NotificationStatus]
) -> bool:
    """Send until one ends the lane or time is up; the rest is given back. Whether the lane may go on."""
    lane = place.channel.pk if place.channel else None
    references = threads.known(lane, [row for flush in flushes for row in flush.rows])
    for position, flush in enumerate(flushes):
        if not clock.has_time():
            _give_back(flushes[position:])
            return False
        outcome = _send_one(flush, place, threads.common(references, flush.rows), clock)
        counts[outcome.status] += len(flush.rows)
        if outcome.ends_lane:
            _give_back(flushes[position + 1 :])
            _end_lane(place, outcome, clock.now())
            return False
    return True


def _give_back(flushes: list[Flush]) -> None:
    claims.release([row for flush in flushes for row in flush.rows])


def _send_one(flush: Flush, place: Place, reference: Reference | None, clock: Clock) -> Outcome:
    """One attempt, its result recorded."""
    began = clock.elapsed_seconds()
    outcome = _attempt(flush, place, reference, clock)
    latency_ms = (clock.elapsed_seconds() - began) * 1000
    at = clock.now()
    with bounded_transaction():
        records.record(flush, outcome, at=at, latency_ms=latency_ms)
        if place.channel and outcome.reference:
            threads.keep(place.channel, flush.rows, outcome.reference)
        if place.channel:
            records.record_channel(
                place.channel,
                outcome,
                at=at,
                latency_ms=latency_ms,
                ends_brokenness=flush.first.purpose == Purpose.TEST,
            )
    return outcome


def _attempt(flush: Flush, place: Place, reference: Reference | None, clock: Clock) -> Outcome:
    config: Config = place.config
    first = flush.first
    try:
        message = build_message(flush.rows, now=clock.now())
        options = first.alert.rule.notification_config.get(place.kind.name) if first.alert else None
        if isinstance(options, dict):
            config = place.kind.for_rule(place.config, options)
        answered = place.kind.send(config, message, reference)
    except TransportError as error:
        problem = error
    except Exception as error:  # a bug in one message must not stop all others
        # Without the error's text: it may quote a header or a URL, and those hold secrets.
        where = "".join(traceback.format_tb(error.__traceback__))
        logger.error("notification %s: %s\n%s", first.pk, type(error).__name__, where)
        problem = TransportError(
            f"Internal error: {type(error).__name__}", permanent=False, scope="recipient"
        )
    else:
        return replace(SENT, reference=answered)
    return outcome_of(
        problem,
        purpose=first.purpose,
        attempt_count=flush.attempt_count,
        is_only_recipient=len(place.recipients) == 1,
        is_redirected=config != place.config,
        now=clock.now(),
    )


def _end_lane(place: Place, outcome: Outcome, now: datetime) -> None:
    with bounded_transaction():
        if outcome.breaks_channel and place.channel:
            records.break_channel(place.channel, outcome.error, at=now)
        elif outcome.pauses_until:
            records.pause(place.channel.pk if place.channel else None, outcome.pauses_until)

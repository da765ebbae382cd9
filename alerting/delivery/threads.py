"""What a channel calls its message about an alert: kept, so that the next message changes or follows that one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from alerting.bounds import bounded_transaction
from alerting.channels.base import Reference
from alerting.delivery.claims import Lane
from alerting.models import ChannelThread, Notification, NotificationChannel

References = Mapping[UUID, Reference]
"""By alert."""


def known(lane: Lane, rows: Iterable[Notification]) -> References:
    """What the channel answered to the first messages about these alerts: one query for a whole batch.

    A message waits for the first about the same alert, so that none of a batch makes what another of it needs.
    """
    if lane is None:
        return {}
    alert_ids = {row.alert_id for row in rows if row.alert_id}
    with bounded_transaction():
        threads = ChannelThread.objects.filter(alert__in=alert_ids, channel=lane)
        return dict(threads.values_list("alert_id", "reference"))


def common(references: References, rows: Iterable[Notification]) -> Reference | None:
    """The reference that all alerts of a message share; None where they were first told in different messages."""
    found = [references.get(row.alert_id) for row in rows if row.alert_id]
    return found[0] if found and all(one == found[0] for one in found) else None


def keep(channel: NotificationChannel, rows: Sequence[Notification], reference: Reference) -> None:
    """Remember it for each alert of these rows, in place of what was known."""
    threads = [
        ChannelThread(alert_id=pk, channel_id=channel.pk, reference=dict(reference))
        for pk in sorted({row.alert_id for row in rows if row.alert_id})
    ]
    ChannelThread.objects.bulk_create(
        threads,
        update_conflicts=True,
        unique_fields=["alert", "channel"],
        update_fields=["reference"],
    )

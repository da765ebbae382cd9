"""Whose turn it is to deliver: one pass at a time, so that slow channels never hold every worker.

A turn is a short lease that its holder renews: when it dies, the next pass begins some seconds later. Two holders,
where a renewal came late, do no harm: claims keep each message in one hand.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from alerting.bounds import bounded_transaction
from alerting.models import DeliveryTurn

LEASE = timedelta(seconds=15)

_TAKE = """
    INSERT INTO alerting_deliveryturn AS turn (id, holder, lease_until)
    VALUES (1, %(holder)s, %(lease_until)s)
    ON CONFLICT (id) DO UPDATE SET holder = EXCLUDED.holder, lease_until = EXCLUDED.lease_until
    WHERE turn.holder = EXCLUDED.holder OR turn.lease_until <= %(now)s
"""


def take(holder: UUID, now: datetime) -> bool:
    """Take the turn, or renew it; False while it is somebody else's."""
    with bounded_transaction(), connection.cursor() as cursor:
        cursor.execute(_TAKE, {"holder": holder, "lease_until": now + LEASE, "now": now})
        taken: int = cursor.rowcount
    return taken == 1


def give_back(holder: UUID) -> None:
    """Let the next one begin at once."""
    with bounded_transaction():
        DeliveryTurn.objects.filter(holder=holder).delete()

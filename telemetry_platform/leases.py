"""Taking, renewing and giving back a lease. Time is the database's, so clocks of several machines don't matter."""

from __future__ import annotations

from django.db import connection

from telemetry_platform.models import Lease

_TAKE = """
INSERT INTO telemetry_platform_lease (name, holder, expires_at)
VALUES (%(name)s, %(holder)s, clock_timestamp() + %(seconds)s * interval '1 second')
ON CONFLICT (name) DO UPDATE SET holder = EXCLUDED.holder, expires_at = EXCLUDED.expires_at
WHERE telemetry_platform_lease.holder = EXCLUDED.holder OR telemetry_platform_lease.expires_at < clock_timestamp()
RETURNING name
"""


def take(name: str, holder: str, *, seconds: float) -> bool:
    """Take the lease, or renew it; False while somebody else's is valid."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"name": name, "holder": holder, "seconds": seconds})
        return cursor.fetchone() is not None


def give_back(name: str, holder: str) -> None:
    """Let the next one in at once; nothing happens when it isn't held."""
    Lease.objects.filter(name=name, holder=holder).delete()


def is_held(name: str) -> bool:
    """True while anybody holds it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM telemetry_platform_lease WHERE name = %s AND expires_at >= clock_timestamp()",
            [name],
        )
        return cursor.fetchone() is not None

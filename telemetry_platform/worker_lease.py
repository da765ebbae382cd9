"""How `/ready` knows that a worker takes messages: the task that beat sends every few seconds renews a lease."""

from __future__ import annotations

from telemetry_platform import leases

LEASE = "worker"
HOLDER = "any worker"
LEASE_SECONDS = 60.0


def renew() -> None:
    leases.take(LEASE, HOLDER, seconds=LEASE_SECONDS)

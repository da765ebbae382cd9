"""Roll-ups in the middle of their life, as on a platform that has run for long."""

from __future__ import annotations

from datetime import UTC, datetime

from storage.connections import connect
from storage.rollups.engine import floor_hour


def begin_rollups_now() -> None:
    """Everything before this hour counts as rolled up: older rows sent from now on are late, and noted as such."""
    hour = floor_hour(datetime.now(UTC))
    with connect() as own:
        own.execute(
            "UPDATE rollup_watermarks SET closing_to = greatest(closing_to, %(hour)s), "
            "closed_to = greatest(closing_to, %(hour)s)",
            {"hour": hour},
        )

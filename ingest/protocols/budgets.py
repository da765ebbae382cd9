"""What one request may use: few bytes on the wire can become many in memory and in the store."""

from __future__ import annotations

from ingest.protocols.base import TooManyRecords

MAX_SHARED_BYTES = 50_000_000
"""Of texts that were sent once and are written with each record, as much as a body may have."""

MAX_LOG_BUCKETS = 2_200_000
"""Of all histograms of a request. 10,000 with OpenTelemetry's default bounds and values in each bucket have 2 million;
until they are stored, each costs 0.5 to 1 us."""


class Budget:
    """An amount that is spent bit by bit, before what it pays for is made."""

    def __init__(self, amount: int) -> None:
        self._left = amount

    def spend(self, amount: int) -> None:
        """Raises TooManyRecords where less than this is left."""
        self._left -= amount
        if self._left < 0:
            raise TooManyRecords

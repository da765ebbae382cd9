"""What the ingest benchmarks send, and the rows it becomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from storage.records import Row
from storage.registry import Table

BATCH_SIZE = 1000


@dataclass(frozen=True, slots=True)
class Traffic:
    """Records of one table. Both functions run in processes of their own, so they stand in modules."""

    table: Table
    make_requests: Callable[[int, int, int], list[bytes]]
    """(seed, batches, records in each) -> requests."""
    make_rows: Callable[[int, int, int], list[Row]]
    """(seed, records, project) -> rows ready for COPY."""

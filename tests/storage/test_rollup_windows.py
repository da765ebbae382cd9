"""Which roll-ups a window is read from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from storage.rollups.reading import TierName
from storage.rollups.windows import Window

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("start", "length", "interval", "tier"),
    [
        (MIDNIGHT, DAY, MINUTE, "minutes"),
        (MIDNIGHT, DAY, 90 * MINUTE, "minutes"),
        (MIDNIGHT, DAY, 6 * HOUR, "hours"),
        (MIDNIGHT, 8 * DAY, 2 * DAY, "days"),
        (MIDNIGHT + 12 * HOUR, DAY, DAY, "hours"),
        (MIDNIGHT + MINUTE, HOUR, HOUR, "minutes"),
        (datetime(1969, 12, 31, tzinfo=UTC), DAY, DAY, "days"),
    ],
)
def test_the_coarsest_tier_is_read_whose_rows_each_lie_in_one_bucket(
    start: datetime, length: timedelta, interval: timedelta, tier: TierName
) -> None:
    window = Window(start, start + length, interval)
    assert window.tier == tier
    assert len(window.buckets) == window.bucket_count == length // interval

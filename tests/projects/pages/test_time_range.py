from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.pages.time_range import EARLIEST, PRESETS, InvalidTimeRange, TimeRange, parse

NOW = datetime(2026, 3, 10, 12, 34, 56, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
MOMENTS = st.integers(0, 4_000_000_000_000).map(lambda ms: EARLIEST + timedelta(milliseconds=ms))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_ends_now(preset: str) -> None:
    found = parse({"range": preset}, NOW)
    assert (found.end, found.length, found.preset) == (NOW, PRESETS[preset][1], preset)


def test_without_parameters_the_default_is_shown() -> None:
    assert parse({}, NOW, default="24h").preset == "24h"


@pytest.mark.parametrize(
    ("start", "zone", "expected"),
    [
        ("2026-03-10T10:00:00Z", "", datetime(2026, 3, 10, 10, tzinfo=UTC)),
        ("2026-03-10T10:00:00+02:00", "", datetime(2026, 3, 10, 8, tzinfo=UTC)),
        ("2026-03-10T10:00", "", datetime(2026, 3, 10, 9, tzinfo=UTC)),
        ("2026-03-10T10:00", "America/New_York", datetime(2026, 3, 10, 14, tzinfo=UTC)),
        ("2026-03-10", "UTC", datetime(2026, 3, 10, tzinfo=UTC)),
    ],
)
def test_a_time_without_zone_is_in_the_named_one_or_the_readers(
    start: str, zone: str, expected: datetime
) -> None:
    assert parse({"start": start, "zone": zone}, NOW + timedelta(days=1), BERLIN).start == expected


@pytest.mark.parametrize(
    "parameters",
    [
        {"range": "5 years"},
        {"start": "yesterday"},
        {"start": "2026-03-10T10:00Z", "end": "2026-03-10T10:00Z"},
        {"start": "2026-03-10T11:00Z", "end": "2026-03-10T10:00Z"},
        {"start": "1990-01-01", "end": "2026-03-10"},
        {"start": "0001-01-01", "end": "2026-03-10", "zone": "Asia/Tokyo"},
        {"start": "2026-03-10", "end": "9999-12-31T23:59:59", "zone": "America/New_York"},
        {"start": "2026-03-10", "zone": "Mars/Olympus"},
        {"start": "2026-03-10", "zone": "../../etc/passwd"},
        {"start": "2026-03-10", "zone": "Europe"},
    ],
)
def test_what_is_no_time_range_is_said_so(parameters: dict[str, str]) -> None:
    with pytest.raises(InvalidTimeRange):
        parse(parameters, NOW)


@given(start=st.text(max_size=40), end=st.text(max_size=40), zone=st.text(max_size=20))
def test_any_text_gives_a_range_or_is_said_to_be_none(start: str, end: str, zone: str) -> None:
    try:
        found = parse({"start": start, "end": end, "zone": zone}, NOW)
    except InvalidTimeRange:
        return
    assert found.start < found.end


@given(
    start=MOMENTS,
    seconds=st.floats(1, 3650 * 86400),
)
def test_a_range_is_the_same_after_a_trip_through_its_url(start: datetime, seconds: float) -> None:
    found = TimeRange(start, start + timedelta(milliseconds=int(seconds * 1000)))
    assert parse(found.parameters, NOW) == found


@given(
    start=MOMENTS,
    seconds=st.floats(1, 3650 * 86400),
    most=st.integers(60, 400),
)
def test_buckets_are_round_few_and_cover_the_range(start: datetime, seconds: float, most: int) -> None:
    shown = TimeRange(start, start + timedelta(seconds=seconds))
    window = shown.window(most)
    assert window.start <= shown.start
    assert shown.end <= window.end
    assert not (window.start - EARLIEST) % window.interval
    assert not (window.end - EARLIEST) % window.interval
    assert not window.interval % timedelta(minutes=1)
    # One more at each end, where the range doesn't begin and end with a bucket.
    assert window.bucket_count <= most + 2 or window.interval == timedelta(days=30)


def test_the_stretch_before_ends_where_this_one_begins() -> None:
    shown = parse({"range": "24h"}, NOW)
    assert shown.before == TimeRange(NOW - timedelta(hours=48), NOW - timedelta(hours=24))


@pytest.mark.parametrize(
    ("preset", "now", "start", "hours"),
    [
        ("today", "2026-03-10T12:30+01:00", "2026-03-10T00:00+01:00", 12.5),
        ("yesterday", "2026-03-10T12:30+01:00", "2026-03-09T00:00+01:00", 24),
        ("yesterday", "2026-03-10T23:30Z", "2026-03-10T00:00+01:00", 24),
        ("yesterday", "2026-03-30T12:00+02:00", "2026-03-29T00:00+01:00", 23),
        ("today", "2026-03-10T00:00+01:00", "2026-03-10T00:00+01:00", 1 / 3600),
    ],
)
def test_days_are_those_of_the_readers_calendar(preset: str, now: str, start: str, hours: float) -> None:
    found = parse({"range": preset}, datetime.fromisoformat(now), BERLIN)
    assert found.start == datetime.fromisoformat(start)
    assert (found.length, found.parameters) == (timedelta(hours=hours), {"range": preset})

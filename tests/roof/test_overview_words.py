"""What the overview says of numbers: pure decisions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.http import HttpRequest

from projects import figures
from projects.pages.scope import Scope
from projects.pages.time_range import PRESETS, TimeRange
from telemetry_platform.overview.courses import Course, change_in_percent, change_in_points
from telemetry_platform.overview.hosts import Host, Hosts, Reading, hosts_of
from telemetry_platform.overview.needs import OpenCounts
from telemetry_platform.overview.periods import MOST_BUCKETS, Periods
from telemetry_platform.overview.tiles import Tile, alerts_tile, hosts_tile

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "before", "points", "percent"),
    [
        (0.008, 0.005, "+0.3 points", "+60 %"),
        (0.1, 0.2, "-10 points", "-50 %"),
        (0.1, 0.1, "same as before", "same as before"),
        (1.0, 0.0, "+100 points", ""),
        (0.9, 0.01, "+89 points", "90 times"),
        (None, 0.2, "", ""),
        (0.2, None, "", ""),
    ],
)
def test_a_change_is_said_with_its_sign(
    now: float | None, before: float | None, points: str, percent: str
) -> None:
    course = Course(now, before, ())
    assert (change_in_points(course), change_in_percent(course)) == (points, percent)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_period_before_is_as_long_and_ends_where_the_one_shown_begins(preset: str) -> None:
    periods = Periods.of(TimeRange.of_preset(preset, NOW), NOW)
    assert periods.halves.bucket_count == 2
    assert periods.halves.buckets[1] == periods.shown.start
    assert periods.both.bucket_count == 2 * periods.shown.bucket_count
    assert periods.shown.bucket_count <= MOST_BUCKETS + 1
    assert periods.shown.start <= NOW - PRESETS[preset][1]
    assert 0 < periods.passed_seconds <= periods.length.total_seconds()


def test_of_several_disks_the_fullest_counts_and_one_that_is_gone_does_not() -> None:
    readings = [
        Reading(1, "web", "disk_usage", 40, NOW),
        Reading(1, "web", "disk_usage", 91, NOW),
        Reading(1, "db", "disk_usage", 99, NOW - timedelta(hours=2)),
        Reading(1, "db", "disk_usage", 12, NOW),
        Reading(1, "old", "cpu_usage", 1, NOW - timedelta(hours=3)),
    ]
    hosts = hosts_of(readings, NOW)
    assert [(host.name, host.problem) for host in hosts] == [
        ("old", "last heard of 3 h ago"),
        ("web", "disk 91 %"),
        ("db", ""),
    ]


@pytest.mark.parametrize(
    ("per_second", "text"), [(0, "0/s"), (1200, "1.2 k/s"), (0.5, "30/min"), (0.001, "3.6/h"), (1, "1/s")]
)
def test_rates_are_in_a_unit_one_can_feel(per_second: float, text: str) -> None:
    assert figures.rate(per_second) == text


def scope() -> Scope:
    return Scope(HttpRequest(), NOW, [], None, TimeRange.of_preset("1h", NOW))


def hosts_tile_of(*hosts: tuple[str, str]) -> Tile:
    found = [Host(1, name, problem, "cpu_usage", "CPU 10 %") for name, problem in hosts]
    return hosts_tile(Hosts(found), scope())


def test_hosts_in_trouble_are_named_as_far_as_there_is_room() -> None:
    ill = [(f"web-{number}", "CPU 97 %") for number in range(5)]
    many = hosts_tile_of(*ill, ("db", ""))
    assert (many.value, many.unit) == ("1", "of 6 fine")
    assert many.note == "web-0: CPU 97 %, web-1: CPU 97 %, web-2: CPU 97 %, and 2 more"
    assert "host_name=web" not in many.url, "its chart shows all of them"
    assert "host_name=web-0" in hosts_tile_of(("web-0", "CPU 97 %"), ("db", "")).url


def test_hosts_that_are_fine_are_named_too() -> None:
    assert hosts_tile_of(("web-1", ""), ("web-2", "")).note == "web-1, web-2"
    assert (
        hosts_tile_of(*((f"web-{number}", "") for number in range(4))).note
        == "web-0, web-1, web-2, and 1 more"
    )


def test_open_alerts_lead_to_all_that_are_counted() -> None:
    counts = OpenCounts({"critical": 1, "warning": 1}, {"firing": 1, "acknowledged": 1}, elsewhere=0)
    tile = alerts_tile(counts, scope())
    assert tile.value == "2"
    assert "state=open" in tile.url
    assert "state=" not in alerts_tile(OpenCounts({}, {}, elsewhere=0), scope()).url

"""Quiet hours and recurrences: on the wall clock, also where it jumps."""

from __future__ import annotations

import time as clock
from datetime import UTC, datetime, time, timedelta

import pytest

from alerting.policy import recurrence
from alerting.policy.quiet_hours import QuietHours, quiet_until
from alerting.policy.recurrence import (
    Recurrence,
    RecurrenceError,
    check,
    next_occurrences,
    occurrence_at,
    starts_between,
)

HOUR = timedelta(hours=1)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "zone", "now", "until"),
    [
        ("22:00", "07:00", "UTC", "2026-03-01 23:00", "2026-03-02 07:00"),
        ("22:00", "07:00", "UTC", "2026-03-01 06:59", "2026-03-01 07:00"),
        ("22:00", "07:00", "UTC", "2026-03-01 07:00", None),
        ("22:00", "07:00", "UTC", "2026-03-01 21:59", None),
        ("12:00", "13:00", "UTC", "2026-03-01 12:00", "2026-03-01 13:00"),
        ("12:00", "13:00", "UTC", "2026-03-01 13:00", None),
        ("12:00", "12:00", "UTC", "2026-03-01 12:00", None),
        ("22:00", "07:00", "Europe/Berlin", "2026-07-01 20:30", "2026-07-02 05:00"),
        ("22:00", "07:00", "Europe/Berlin", "2026-03-28 21:30", "2026-03-29 05:00"),
        ("22:00", "07:00", "Nowhere/Land", "2026-03-01 23:00", None),
        ("22:00", "02:30", "Europe/Berlin", "2026-10-25 00:10", "2026-10-25 00:30"),
        ("22:00", "02:30", "Europe/Berlin", "2026-10-25 01:10", "2026-10-25 01:30"),
    ],
)
def test_quiet_hours_hold_on_the_clock_of_their_place(
    start: str, end: str, zone: str, now: str, until: str | None
) -> None:
    hours = QuietHours(
        start=time.fromisoformat(start),
        end=time.fromisoformat(end),
        time_zone=zone,
        severities=["warning"],
    )
    assert quiet_until(hours, "warning", moment(now)) == (moment(until) if until else None)
    assert quiet_until(hours, "critical", moment(now)) is None


def nightly(rule: str = "FREQ=DAILY", first: str = "2026-03-27 01:30") -> Recurrence:
    """At 02:30 in Berlin, where the clocks skip that time on 29 March 2026."""
    return Recurrence(moment(first), "Europe/Berlin", rule)


def test_a_nightly_window_stays_at_its_time_of_day_over_a_change_of_the_clocks() -> None:
    starts = starts_between(nightly(), moment("2026-03-27 00:00"), moment("2026-03-31 00:00"))
    assert [f"{one:%d %H:%M}" for one in starts] == ["27 01:30", "28 01:30", "29 01:30", "30 00:30"]


@pytest.mark.parametrize(
    ("now", "runs"),
    [
        ("2026-03-28 01:29", False),
        ("2026-03-28 01:30", True),
        ("2026-03-28 02:29", True),
        ("2026-03-28 02:30", False),
    ],
)
def test_a_span_holds_its_start_and_not_its_end(now: str, runs: bool) -> None:
    assert (occurrence_at(nightly(), HOUR, moment(now)) is not None) is runs


def test_looks_within_an_hour_reckon_a_windows_starts_once() -> None:
    recurrence._cached_starts.cache_clear()
    start = moment("2026-03-27 00:00")
    for minutes in range(0, 60, 3):
        until = start + timedelta(minutes=minutes)
        assert starts_between(nightly(), until - timedelta(minutes=3), until) == []
        assert occurrence_at(nightly(), HOUR, until) is None
    assert recurrence._cached_starts.cache_info().misses <= 4


def test_what_comes_begins_with_what_runs() -> None:
    found = next_occurrences(nightly("FREQ=WEEKLY;BYDAY=FR;COUNT=2"), HOUR, moment("2026-03-27 02:00"), 5)
    assert [one.start.day for one in found] == [27, 3]
    once = Recurrence(moment("2026-03-27 01:30"), "UTC", "")
    assert [one.start for one in next_occurrences(once, HOUR, moment("2026-03-27 00:00"), 5)] == [once.first]
    assert next_occurrences(once, HOUR, moment("2026-03-28 00:00"), 5) == []


def test_a_utc_end_is_taken_as_utc() -> None:
    last = next_occurrences(
        nightly("FREQ=DAILY;UNTIL=20260330T003000Z"), HOUR, moment("2026-03-27 00:00"), 9
    )[-1]
    assert last.start == moment("2026-03-30 00:30")


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))),
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR",
        "FREQ=WEEKLY",
        "FREQ=DAILY;COUNT=10",
        "FREQ=MONTHLY;BYDAY=-1FR",
    ],
)
def test_a_look_far_from_the_first_moment_is_quick_and_finds_the_same(rule: str) -> None:
    start, end = moment("2026-05-01 00:00"), moment("2026-06-01 00:00")
    recurring = nightly(rule, "2022-01-07 01:30")
    check(recurring)
    began = clock.perf_counter()
    found = starts_between(recurring, start, end)
    took = clock.perf_counter() - began
    walked = next_occurrences(recurring, HOUR, recurring.first, 500_000)
    assert found == [one.start for one in walked if start <= one.start < end]
    if "COUNT" not in rule and "MONTHLY" not in rule:
        assert took < 0.2


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("FREQ=SECONDLY", "FREQ must be one of"),
        ("FREQ=MINUTELY", "FREQ must be one of"),
        ("FREQ=HOURLY", "FREQ must be one of"),
        ("BYDAY=MO", "FREQ must be one of"),
        ("FREQ=DAILY;BYMINUTE=1", "can't be used"),
        ("FREQ=DAILY;INTERVAL=0", "from 1 to"),
        ("FREQ=DAILY;COUNT=99999999999999999999", "from 1 to"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "exclude each other"),
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY must be"),
        ("FREQ=WEEKLY;BYDAY=1MO", "go with MONTHLY"),
        ("FREQ=DAILY;BYSETPOS=50", "goes with MONTHLY"),
        ("FREQ=MONTHLY;BYMONTHDAY=" + ",".join(["1"] * 61), "more than 60"),
        ("FREQ=DAILY;BYHOUR=99", "can't be read"),
        ("FREQ=DAILY;FREQ=DAILY", "comes twice"),
        ("FREQ=DAILY;UNTIL=soon", "UNTIL must be"),
        ("FREQ=DAILY;UNTIL=20200101", "never comes true"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "never comes true"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never comes true"),
        ("DTSTART:20260101\nRRULE:FREQ=DAILY", "can't be used"),
        ("FREQ=DAILY;BYHOUR=0,12;WKST=MO\nDTSTART:00010101T000000", "one line"),
        ("FREQ=WEEKLY;WKST=XX", "WKST must be"),
        ("FREQ=MONTHLY;BYDAY=1MO,50MO", "BYDAY must be"),
        ("FREQ=YEARLY;BYDAY=54MO", "BYDAY must be"),
        ("FREQ=YEARLY;BYMONTH=3;BYDAY=6MO", "BYDAY must be"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY must be"),
        ("every day", "NAME=VALUE"),
    ],
)
def test_a_recurrence_that_is_hostile_or_wrong_is_refused_in_words_and_soon(rule: str, words: str) -> None:
    began = clock.perf_counter()
    with pytest.raises(RecurrenceError, match=words):
        check(nightly(rule))
    assert clock.perf_counter() - began < 2


def test_a_time_zone_and_a_first_moment_must_make_sense() -> None:
    with pytest.raises(RecurrenceError, match="no time zone"):
        check(Recurrence(moment("2026-03-27 01:30"), "Mars/Base", ""))
    with pytest.raises(RecurrenceError, match="after the year 2000"):
        check(nightly(first="1999-01-01 00:00"))

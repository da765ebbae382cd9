"""Who keeps what for how long, and what goes next: decisions without a database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from projects.retention import FOR_EVER, KINDS, Days, Kind
from storage.partitions import Partition, start_of
from telemetry_platform.purge.lives import Lives, Policies
from telemetry_platform.retention_page.bars import HEIGHT, bars_of
from telemetry_platform.retention_page.rows import kept_words, next_to_go

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
TODAY = NOW.date()
SHOP, BANK, GAME = 1, 2, 3
SLUGS = {SHOP: "shop", BANK: "bank", GAME: "game"}


def days(default: int = 90, **changed: int) -> Days:
    return {kind: changed.get(kind, default) for kind in KINDS}


def policies(given: dict[int, Days] | None = None, by_hand: dict[Kind, int] | None = None) -> Policies:
    return Policies(SLUGS, given or {}, days(), by_hand or {})


def partition(age_days: int, size_bytes: int = 1000) -> Partition:
    day = TODAY - timedelta(days=age_days)
    return Partition("telemetry_events", f"telemetry_events_p{day:%Y%m%d}", day, size_bytes, 10)


@pytest.mark.parametrize(
    ("tier_days", "raw_days", "kept"),
    [
        pytest.param(365, 90, 365, id="a tier outlives its raw data"),
        pytest.param(30, 90, 90, id="and never goes before it"),
        pytest.param(90, 90, 90, id="or goes with it"),
    ],
)
def test_a_tier_is_kept_for_its_days_and_at_least_as_long_as_its_raw_data(
    tier_days: int, raw_days: int, kept: int
) -> None:
    given = {SHOP: days(events=raw_days, rollup_hours=tier_days)}
    assert policies(given).lives("rollup_hours", "events") == Lives({} if kept == 90 else {SHOP: kept}, 90)


def test_days_asked_for_by_hand_count_for_every_project() -> None:
    found = policies({SHOP: days(events=7)}, {"events": 3})
    assert found.lives("events") == Lives({}, 3)
    assert found.lives("rollup_days", "events").others == 90
    assert found.lives("metrics") == Lives({}, 90)


def test_a_day_goes_whole_when_its_last_moment_has_left_the_longest_life() -> None:
    lives = Lives({SHOP: 7, BANK: 120}, 90)
    assert lives.goes_at(date(2026, 1, 1)) == start_of(date(2026, 1, 2)) + timedelta(days=120)


def test_projects_with_equal_lives_expire_together_the_shortest_first() -> None:
    found = policies({SHOP: days(events=7), GAME: days(events=7)})
    expiries = found.expiries(found.lives("events"), NOW)
    assert [(expiry.cutoff, expiry.project_ids, expiry.whose) for expiry in expiries] == [
        (NOW - timedelta(days=7), [SHOP, GAME], "shop, game"),
        (NOW - timedelta(days=90), [BANK], "all other projects"),
    ]


@pytest.mark.parametrize(
    ("given", "ages", "at", "what"),
    [
        pytest.param(
            {}, [20, 0], start_of(TODAY) + timedelta(days=71), "26 May 2026, 1 kB", id="a partition"
        ),
        pytest.param(
            {}, [95, 0], start_of(TODAY) - timedelta(days=4), "12 Mar 2026, 1 kB", id="one that is due"
        ),
        pytest.param(
            {SHOP: days(events=7)},
            [20, 7, 6, 0],
            start_of(TODAY) + timedelta(days=1),
            "08 Jun 2026 of shop",
            id="rows of a project with a shorter life",
        ),
    ],
)
def test_what_goes_next_is_what_expires_first(
    given: dict[int, Days], ages: list[int], at: datetime, what: str
) -> None:
    found = policies(given)
    goes = next_to_go(found, found.lives("events"), [partition(age) for age in ages], NOW)
    assert goes
    assert (goes.at, goes.what) == (at, what)


def test_nothing_goes_next_where_nothing_is() -> None:
    found = policies()
    assert next_to_go(found, found.lives("events"), [], NOW) is None


def test_lives_are_said_in_few_words() -> None:
    found = policies({SHOP: days(events=7)})
    assert kept_words(found, found.lives("events")) == "shop 7, others 90 days"
    assert kept_words(found, found.lives("traces")) == "90 days"


def test_what_is_kept_for_ever_never_goes_and_others_go_before_it() -> None:
    found = policies({SHOP: days(events=FOR_EVER), GAME: days(events=7)})
    lives = found.lives("events")
    assert lives.goes_at(date(2026, 1, 1)) is None
    assert [expiry.whose for expiry in found.expiries(lives, NOW)] == ["game", "all other projects"]
    assert kept_words(found, lives) == "shop for ever, game 7, others 90 days"
    goes = next_to_go(found, lives, [partition(95), partition(5)], NOW)
    assert goes
    assert goes.what == "10 Jun 2026 of game"
    alone = policies({pk: days(events=FOR_EVER) for pk in SLUGS})
    assert next_to_go(alone, alone.lives("events"), [partition(95)], NOW) is None
    assert found.lives("rollup_days", "events").by_project[SHOP] == FOR_EVER


def test_bars_stand_on_their_day_and_gaps_stay_gaps() -> None:
    bars = bars_of([partition(3, 500), partition(1, 1000), partition(0, 0)])
    assert bars
    assert bars.width == 4
    assert [bar.split("h")[0] for bar in bars.path.split("M")[1:]] == [
        f"0 {HEIGHT}v-16.0",
        f"2 {HEIGHT}v-32.0",
        f"3 {HEIGHT}v-0.6",
    ]
    assert bars_of([]) is None

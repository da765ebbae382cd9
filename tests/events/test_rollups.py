"""Roll-ups of events: whatever happens in whatever order, the summary says what one GROUP BY over everything says."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import hypothesis.strategies as st
import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from hypothesis import HealthCheck, given, settings

from events import queries
from events.records import EVENTS, EventRecord, prepare
from events.rollups import DIMENSIONS, EVENT_ROLLUP, MINUTE_DIMENSIONS
from projects.models import Project
from storage import partitions
from storage.connections import connect
from storage.log_buckets import code_of, percentile
from storage.partitions import start_of
from storage.records import Bounds, RecordError
from storage.rollups import engine, gate, watermarks
from storage.rollups.removal import NotRolledUp, freeze, pause_ingest
from storage.rollups.summaries import Question
from storage.rollups.windows import Window
from storage.writer import write_rows
from tests.conftest import make_project
from tests.rolled_up import frozen_days, killed_step, purge, refusals

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC).replace(minute=30, second=0, microsecond=0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START, END = start_of((NOW - 4 * DAY).date()), start_of((NOW + DAY).date())
TIERS = {timedelta(minutes=15): MINUTE_DIMENSIONS, HOUR: DIMENSIONS, DAY: DIMENSIONS}
MEASURES = ("event_count", "error_count", "duration_p50_ms", "duration_p95_ms", "duration_p99_ms")
Group = tuple[Any, ...]


@dataclass(frozen=True)
class Sent:
    """One event: how long before NOW, and what it says."""

    minutes_ago: int
    name: str
    tenant: str | None
    severity: str
    duration_ms: float | None
    user: str

    @property
    def moment(self) -> datetime:
        return NOW - timedelta(minutes=self.minutes_ago)

    def group(self, interval: timedelta, names: Sequence[str]) -> Group:
        """(bucket, dimensions)."""
        dimensions = dict(zip(DIMENSIONS, ("t", self.name, "", self.tenant), strict=True))
        return START + (self.moment - START) // interval * interval, *(dimensions[name] for name in names)


def store(project: Project, events: Sequence[Sent]) -> list[RecordError]:
    bounds = Bounds(project.pk, NOW, NOW - timedelta(days=30), NOW + timedelta(hours=1))
    records = [
        EventRecord(
            event_name=event.name, event_type="t", tenant_id=event.tenant, severity=event.severity,
            duration_ms=event.duration_ms, user_id=event.user, timestamp=event.moment, id=str(uuid.uuid4()),
        )
        for event in events
    ]  # fmt: skip
    write, errors = prepare(enumerate(records), bounds)
    return errors + write_rows(write, NOW)


def advance(project: Project, now: datetime = NOW) -> None:
    engine.advance(EVENT_ROLLUP, now, lambda: [project.pk])


def summary(project: Project) -> dict[Group, Group]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM telemetry_events_hourly_summary WHERE project_id = %s", [project.pk])
        found = cursor.fetchall()
    groups = {row[1:6]: row[6:] for row in found}
    assert len(groups) == len(found), "a group came twice"
    return groups


def answered(
    project: Project, interval: timedelta, names: Sequence[str], measures: Sequence[str] = MEASURES
) -> dict[Group, Group]:
    """(bucket, dimensions) -> measures, of buckets with events; the first measure counts them."""
    question = Question(
        project_id=project.pk, window=Window(START, END, interval), group_by=names, measures=measures
    )
    return {
        (START + slot * interval, *found.dimensions.values()): values
        for found in queries.summary(question)
        for slot, values in enumerate(zip(*(found.measures[name] for name in measures), strict=True))
        if values[0]
    }


def grouped(events: Sequence[Sent], interval: timedelta, names: Sequence[str]) -> dict[Group, list[Sent]]:
    groups: dict[Group, list[Sent]] = {}
    for event in events:
        groups.setdefault(event.group(interval, names), []).append(event)
    return groups


def expected(
    events: Sequence[Sent], interval: timedelta = HOUR, names: Sequence[str] = DIMENSIONS
) -> dict[Group, Group]:
    return {group: _measures(members) for group, members in grouped(events, interval, names).items()}


def expected_users(events: Sequence[Sent]) -> dict[Group, Group]:
    days = grouped(events, DAY, ["event_name"])
    return {group: (len(members), len({event.user for event in members})) for group, members in days.items()}


def _measures(events: Sequence[Sent]) -> Group:
    buckets = [(code_of(event.duration_ms), 1) for event in events if event.duration_ms is not None]
    percentiles = [percentile(buckets, q) for q in (0.5, 0.95, 0.99)]
    errors = sum(event.severity == "error" for event in events)
    return (
        len(events),
        errors,
        *(value if value is None else pytest.approx(value, rel=1e-9) for value in percentiles),
    )


# Few hours, so that rows often lie in the one where the watermark stands.
HOURS_AGO = (0, 1, 2, 9, 20, 34)
minutes_ago = st.tuples(st.sampled_from(HOURS_AGO), st.integers(0, 59)).map(lambda ago: 60 * ago[0] + ago[1])
events_sent = st.lists(
    st.builds(
        Sent,
        minutes_ago=minutes_ago,
        name=st.sampled_from(["order_paid", "login"]),
        tenant=st.sampled_from([None, "bank", "acme"]),
        severity=st.sampled_from(["info", "error"]),
        duration_ms=st.one_of(st.none(), st.just(0.0), st.floats(0.001, 1e6)),
        user=st.sampled_from(["u1", "u2", "u3"]),
    ),
    min_size=3,
    max_size=8,
)
# How many hours before NOW the watermark is moved to, to the end of which day raw rows are purged, and the rest.
advances = st.sampled_from(HOURS_AGO[:-1]).map(lambda hours: ("advance", hours))
purges = st.integers(0, 1).map(lambda days: ("purge", days))
others = st.sampled_from([("recompute", 0), ("killed", 0), ("rebuild", 0)])
some = st.lists(st.one_of(events_sent, advances, purges, others), min_size=1, max_size=3)
# A frame, because most plans without one would purge nothing, or send nothing to a frozen day.
plans = st.tuples(events_sent, advances, some, purges, some, events_sent).map(
    lambda frame: [*frame[:2], *frame[2], frame[3], *frame[4], frame[5]]
)


def reset_watermark(ago: timedelta = 4 * DAY) -> None:
    """Begin where a new platform begins; the watermark itself never goes back."""
    with connect() as own:
        own.execute(
            "UPDATE rollup_watermarks SET closed_to = %s, closing_to = %s WHERE raw_table = %s",
            (NOW - ago, NOW - ago, EVENTS.name),
        )


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=plans)
@pytest.mark.xdist_group("event-watermark")
def test_any_order_of_inserts_advances_kills_rebuilds_and_purges_gives_what_one_group_by_gives(
    plan: list[Any], db: None
) -> None:
    project = make_project("rolled")
    reset_watermark(timedelta(hours=37))
    sent: list[Sent] = []
    frozen: set[date] = set()
    for step in plan:
        if isinstance(step, list):
            refused = refusals(EVENT_ROLLUP, [event.moment for event in step], frozen)
            assert [(error.index, error.code) for error in store(project, step)] == refused
            sent += [event for index, event in enumerate(step) if index not in dict(refused)]
        elif step[0] == "advance":
            advance(project, NOW - timedelta(hours=step[1]))
        elif step[0] == "recompute":
            engine.recompute(EVENT_ROLLUP)
        elif step[0] == "killed":
            killed_step(EVENT_ROLLUP, project)
        elif step[0] == "rebuild":
            engine.invalidate(EVENT_ROLLUP, project.pk, NOW - timedelta(days=4), NOW)
        else:
            frozen |= purge(EVENT_ROLLUP, project, (NOW - timedelta(days=step[1])).date())
            assert frozen_days(EVENT_ROLLUP, project) == frozen
        assert summary(project) == expected(sent)
        for interval, names in TIERS.items():
            assert answered(project, interval, names) == expected(sent, interval, names), interval
        assert answered(project, DAY, ["event_name"], ["event_count", "users"]) == expected_users(sent)


def sent_at(minutes_ago: int, name: str = "login", user: str = "u1") -> Sent:
    return Sent(minutes_ago, name, None, "info", None, user)


@pytest.fixture
def rolled_project(db: None) -> Project:
    reset_watermark()
    return make_project("rolled")


@pytest.mark.xdist_group("event-watermark")
def test_the_watermark_waits_for_an_ingest_transaction_that_began_before_it(rolled_project: Project) -> None:
    """An event that is inserted but not committed while the roll-up runs would be in neither part of a query."""
    store(rolled_project, [sent_at(120)])
    with connect() as writing, ThreadPoolExecutor() as pool:
        with writing.transaction():
            writing.execute(f"SELECT pg_advisory_xact_lock_shared({gate.LOCK_CLASS}, {gate.INGEST_LOCK})")
            rolling = pool.submit(advance, rolled_project)
            wait_until(lambda: closing_to() > NOW - timedelta(hours=96))
            copy_of_first_event(writing, rolled_project, NOW - timedelta(hours=95, minutes=59))
            assert not rolling.done()
        rolling.result(timeout=30)
    assert sum(row[0] for row in summary(rolled_project).values()) == 2


@pytest.mark.xdist_group("event-watermark")
def test_late_events_of_a_frozen_day_are_refused_and_a_rebuild_names_the_day(
    rolled_project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    day = (NOW - timedelta(days=2)).date()
    minutes_ago = int((NOW - start_of(day)).total_seconds() // 60) - 60
    store(rolled_project, [sent_at(minutes_ago)])
    advance(rolled_project)
    before = summary(rolled_project)
    with connect() as own, own.transaction():
        pause_ingest(own)
        freeze(own, EVENTS.name, day, [rolled_project.pk], start_of(day) + timedelta(days=1))
        own.execute("DELETE FROM telemetry_events WHERE project_id = %s", (rolled_project.pk,))
    (error,) = store(rolled_project, [sent_at(minutes_ago + 1), sent_at(1)])
    assert (error.index, error.field, error.code) == (0, "timestamp", "too_old")
    call_command("rebuild_rollups", "--from", f"{day}", "--to", f"{day + timedelta(days=1)}")
    assert f"{day} of {rolled_project.slug} is frozen" in capsys.readouterr().err
    kept = summary(rolled_project)
    assert {group: kept[group] for group in before} == before
    assert sum(row[0] for row in kept.values()) == 2


@pytest.mark.xdist_group("event-watermark")
def test_a_rebuild_also_adds_up_what_no_roll_up_has_reached_yet(
    rolled_project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """As after old data was loaded into a new platform, whose watermark still lies before all of it."""
    store(rolled_project, [sent_at(60 * hours) for hours in (20, 30, 40)])
    call_command("rebuild_rollups", "--from", f"{NOW - timedelta(days=3):%Y-%m-%d}", "--only", EVENTS.name)
    assert "rebuilt." in capsys.readouterr().out
    with connect() as own:
        sql = "SELECT sum(event_count)::int FROM event_rollup_hours WHERE project_id = %s"
        assert own.execute(sql, (rolled_project.pk,)).fetchone() == (3,)


@pytest.mark.xdist_group("event-watermark")
def test_a_day_with_late_data_on_its_way_is_not_frozen(rolled_project: Project) -> None:
    day = (NOW - timedelta(days=2)).date()
    advance(rolled_project)
    store(rolled_project, [sent_at(int((NOW - start_of(day)).total_seconds() // 60) - 60)])
    with connect() as own:
        with pytest.raises(NotRolledUp), own.transaction():
            freeze(own, EVENTS.name, day, [rolled_project.pk], start_of(day) + timedelta(days=1))
        assert engine.recompute(EVENT_ROLLUP)
        with own.transaction():
            freeze(own, EVENTS.name, day, [rolled_project.pk], start_of(day) + timedelta(days=1))


@pytest.mark.xdist_group("event-watermark")
def test_a_purge_in_the_running_hour_leaves_the_hour_its_rows(rolled_project: Project) -> None:
    """Up to the watermark they are added up, but as a piece that the end of the hour makes anew from them."""
    sent = [sent_at(25), sent_at(120), sent_at(-15)]
    store(rolled_project, sent)
    advance(rolled_project)
    purge(EVENT_ROLLUP, rolled_project, NOW.date())
    assert summary(rolled_project) == expected(sent)
    advance(rolled_project, NOW + HOUR)
    assert summary(rolled_project) == expected(sent)


@pytest.mark.parametrize("interval", [timedelta(minutes=30), timedelta(hours=1), timedelta(days=1)])
@pytest.mark.xdist_group("event-watermark")
def test_summaries_of_every_tier_agree_while_hours_are_closed_invalid_or_new(
    rolled_project: Project, interval: timedelta
) -> None:
    project = rolled_project
    store(project, [sent_at(60 * hours, "login", f"u{hours % 3}") for hours in range(1, 70)])
    advance(project, NOW - timedelta(hours=30))
    store(project, [sent_at(60 * 40 + minute, "late", "u9") for minute in range(5)])
    start = start_of((NOW - timedelta(days=4)).date())
    question = Question(
        project_id=project.pk,
        window=Window(start, start + timedelta(days=5), interval),
        group_by=["event_name"],
        measures=["event_count", "error_count", "duration_p95_ms"],
    )
    for _ in range(2):
        login, late = queries.summary(question)
        assert (login.dimensions, late.dimensions) == ({"event_name": "login"}, {"event_name": "late"})
        assert (sum(login.measures["event_count"]), sum(late.measures["event_count"])) == (69, 5)
        slot = int((NOW - timedelta(hours=1) - start) / interval)
        assert login.measures["event_count"][slot] >= 1
        assert set(login.measures["duration_p95_ms"]) == {None}
        engine.recompute(EVENT_ROLLUP)


@pytest.mark.xdist_group("event-watermark")
def test_users_are_counted_once_a_day_wherever_their_events_lie(rolled_project: Project) -> None:
    midnight = start_of(NOW.date())
    since = int((NOW - midnight).total_seconds() // 60)
    store(rolled_project, [sent_at(since + 60, "login", user) for user in ("ana", "bo", "ana")])
    advance(rolled_project, midnight - timedelta(minutes=30))
    store(rolled_project, [sent_at(since + 5, "login", "ana"), sent_at(since + 90, "search", "cy")])
    day = timedelta(days=1)
    three_days = Window(midnight - 2 * day, midnight + day, day)
    question = Question(project_id=rolled_project.pk, window=three_days, measures=["users"])
    for _ in range(2):
        (everybody,) = queries.summary(question)
        assert everybody.measures["users"] == [0, 3, 0]
        engine.recompute(EVENT_ROLLUP)
        advance(rolled_project)


def closing_to() -> datetime:
    with connect() as own:
        return watermarks.read(own, EVENT_ROLLUP.name).closing_to


def wait_until(is_reached: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 20
    while not is_reached():
        assert time.monotonic() < ends_at, "waited 20 s in vain"
        time.sleep(0.01)


def copy_of_first_event(writing: psycopg.Connection[Any], project: Project, moment: datetime) -> None:
    columns = ", ".join(column for column in EVENTS.columns if column not in ("id", "event_timestamp"))
    partitions.ensure(EVENTS, [moment.date()])
    writing.execute(
        f"INSERT INTO telemetry_events (id, event_timestamp, {columns}) "
        f"SELECT gen_random_uuid(), %s, {columns} FROM telemetry_events WHERE project_id = %s",
        (moment, project.pk),
    )

"""On a Citus coordinator: what `manage.py distribute` made, and that the engine room works on it as on one machine."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.state import ProjectState

from analytics.units import PERSON, from_events, unit_of_event
from events.records import EVENTS
from storage import partitions, purging
from storage.connections import connect
from storage.distribution.obstacles import has_citus, obstacles
from storage.distribution.placements import Placement, placements
from storage.distribution.sizes import shard_sizes
from storage.distribution.steps import AlreadyRunning, distribute
from storage.operations import AddPartitionedIndex
from storage.registry import Sharding
from tests.citus import SHARDS
from tests.clients import ProjectClient, counts

pytestmark = pytest.mark.django_db

EVENTS_PATH = "/api/v1/events"

# How many people did `paid` after `seen`: what a funnel asks.
FUNNEL = """
    SELECT count(DISTINCT later.actor)
    FROM telemetry_events AS earlier
    JOIN telemetry_events AS later
      ON later.project_id = earlier.project_id AND later.actor = earlier.actor
     AND later.event_timestamp > earlier.event_timestamp
    WHERE earlier.project_id = {project} AND earlier.event_name = 'seen' AND later.event_name = 'paid'
"""


@pytest.fixture(autouse=True)
def _needs_citus() -> None:
    with connect() as own:
        if not has_citus(own):
            pytest.skip("TEST_DATABASE_URL names no Citus coordinator")


@pytest.fixture
def visits() -> Iterator[Placement]:
    """A table of 300 rows over three days that were stored before its column `actor` existed."""
    name = f"visits_{uuid.uuid4().hex[:8]}"
    with connect() as own:
        own.execute(
            f"CREATE TABLE {name} (project_id bigint, at timestamptz, id uuid, person text, "
            "actor text NOT NULL DEFAULT '', PRIMARY KEY (project_id, at, id)) PARTITION BY RANGE (at)"
        )
        for day in (1, 2, 3):
            own.execute(
                f"CREATE TABLE {name}_{day} PARTITION OF {name} "
                f"FOR VALUES FROM ('2020-01-0{day}') TO ('2020-01-0{day + 1}')"
            )
            own.execute(
                f"INSERT INTO {name} SELECT 1, '2020-01-0{day}', gen_random_uuid(), nullif('p' || n % 5, 'p0') "
                "FROM generate_series(1, 100) AS n"
            )
    yield Placement(name, Sharding(column="actor", filled_by="coalesce(person, id::text)"))
    with connect() as own:
        own.execute(f"DROP TABLE {name}")


def one(query: str, *parameters: Any) -> Any:
    with connect() as own:
        row = own.execute(query.encode(), parameters).fetchone()
    assert row
    return row[0]


def plan_of(query: str) -> str:
    with connect() as own:
        return "\n".join(row[0] for row in own.execute(f"EXPLAIN (COSTS OFF) {query}".encode()))


def key_of(table: str) -> str:
    return str(one("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", f"{table}_pkey"))


def send(api: ProjectClient, *events: dict[str, Any]) -> tuple[int, int, int]:
    return counts(api.post(EVENTS_PATH, {"events": list(events)}))


def test_every_table_is_spread_by_its_column_and_points_lie_beside_their_series() -> None:
    with connect() as own:
        rows = own.execute(
            "SELECT table_name::text, distribution_column, shard_count, colocation_id FROM citus_tables"
        ).fetchall()
    spread = {name: (column, shard_count) for name, column, shard_count, _ in rows}
    group = {name: colocation for name, _, _, colocation in rows}
    for placement in placements():
        assert spread[placement.table] == (placement.column, SHARDS)
    assert group["metric_points"] == group["metric_series"]
    assert group["traces"] != group["telemetry_events"]


def test_a_second_run_changes_nothing_and_the_check_is_content() -> None:
    told, checked = StringIO(), StringIO()
    call_command("distribute", stdout=told)
    assert told.getvalue().splitlines() == [
        f"{placement.table}: distributed already" for placement in placements()
    ]
    call_command("distribute", "--check", stdout=checked)
    assert checked.getvalue() == "Everything is distributed.\n"


def test_a_self_join_of_each_users_events_runs_inside_the_shards(api: ProjectClient) -> None:
    now = datetime.now(UTC)
    people = [f"user {number}" for number in range(20)]
    events = [{"event_name": "seen", "user_id": who, "timestamp": now.isoformat()} for who in people]
    later = (now + timedelta(seconds=1)).isoformat()
    events += [{"event_name": "paid", "anonymous_id": who, "timestamp": later} for who in people[:7]]
    assert send(api, *events) == (27, 0, 0)
    funnel = FUNNEL.format(project=api.project.pk)
    assert one(funnel) == 7
    plan = plan_of(funnel)
    assert f"Task Count: {SHARDS}" in plan
    assert plan.count("Custom Scan (Citus") == 1
    assert "Distributed Subplan" not in plan
    assert "intermediate result" not in plan.lower()


def test_only_the_links_of_persons_are_sent_to_the_shards_where_events_are_joined_with_them(
    api: ProjectClient,
) -> None:
    source = from_events(PERSON, api.project.pk)
    plan = plan_of(
        f"SELECT {unit_of_event(PERSON).text}, count(*) FROM {source} WHERE project_id = {api.project.pk} GROUP BY 1"
    )
    assert plan.count("Distributed Subplan") == 1
    assert "on identity_links" in plan.split("Task Count")[0]
    assert f"Task Count: {SHARDS}" in plan
    assert "Seq Scan on telemetry_events " not in plan


def test_a_retry_is_a_duplicate_and_the_same_id_of_another_actor_another_record(api: ProjectClient) -> None:
    event = {"event_name": "seen", "id": str(uuid.uuid4()), "timestamp": datetime.now(UTC).isoformat()}
    mine, others = {**event, "user_id": "me"}, {**event, "user_id": "you"}
    assert send(api, mine) == (1, 0, 0)
    assert send(api, mine, others, mine) == (1, 2, 0)
    assert send(api, others, mine) == (0, 2, 0)
    assert len(api.results(EVENTS_PATH)) == 2


def test_a_new_day_is_spread_too_and_dropped_on_every_node() -> None:
    day = datetime(2020, 9, 9, tzinfo=UTC).date()
    partitions.ensure(EVENTS, [day])
    name = partitions.partition_name(EVENTS.name, day)
    assert one("SELECT count(*) FROM citus_shards WHERE table_name = %s::regclass", name) == SHARDS
    (partition,) = [found for found in partitions.partitions(EVENTS) if found.name == name]
    assert partition.size_bytes > 0
    with connect() as own:
        # A day that no roll-up holds yet isn't dropped.
        own.execute(
            "UPDATE rollup_watermarks SET closing_to = now(), closed_to = now() WHERE closed_to < '2021-01-01'"
        )
    assert purging.drop(EVENTS, partition).count == 1
    left = "SELECT sum(result::int) FROM run_command_on_workers(%s)"
    assert one(left, f"SELECT count(*) FROM pg_class WHERE relname ~ '^{name}'") == 0


def test_sizes_and_rows_come_from_the_nodes(visits: Placement) -> None:
    with connect() as own:
        distribute(own, [visits], SHARDS, lambda line: None)
        own.execute(f"ANALYZE {visits.table}")
        sizes = shard_sizes(own)
    assert sum(sizes[f"{visits.table}_{day}"][1] for day in (1, 2, 3)) == 300
    assert all(sizes[f"{visits.table}_{day}"][0] > 0 for day in (1, 2, 3))


def test_rows_from_before_get_their_actor_and_a_killed_run_goes_on(visits: Placement) -> None:
    class Killed(Exception):
        pass

    def die(line: str) -> None:
        raise Killed(line)

    with pytest.raises(Killed, match="300 rows filled"), connect() as own:
        distribute(own, [visits], SHARDS, die)
    assert key_of(visits.table) == "PRIMARY KEY (project_id, at, id)"
    told: list[str] = []
    with connect() as own:
        distribute(own, [visits], SHARDS, told.append)
    assert told == [f"{visits.table}: 0 rows filled", f"{visits.table}: distributed by actor"]
    assert key_of(visits.table) == "PRIMARY KEY (project_id, at, id, actor)"
    assert one(f"SELECT count(*) FROM {visits.table} WHERE actor = coalesce(person, id::text)") == 300
    assert one(f"SELECT count(DISTINCT actor) FROM {visits.table}") == 4 + 60
    emptied = f"SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree('{visits.table}')"
    assert one(emptied) == 0


def test_two_runs_at_once_are_one(visits: Placement) -> None:
    def second(line: str) -> None:
        with connect() as own, pytest.raises(AlreadyRunning):
            distribute(own, [visits], SHARDS, print)

    with connect() as own:
        distribute(own, [visits], SHARDS, second)


def test_a_table_that_is_spread_by_another_column_is_named(visits: Placement) -> None:
    wrong = Placement(visits.table, Sharding(column="id"))
    with connect() as own:
        distribute(own, [visits], SHARDS, lambda line: None)
        found = obstacles(own, [wrong])
    assert found == [
        f"{visits.table} is distributed by actor already, not by id: run "
        f"SELECT alter_distributed_table('{visits.table}', distribution_column := 'id')"
    ]


def test_an_index_that_a_later_version_adds_is_made_on_every_shard() -> None:
    operation = AddPartitionedIndex(EVENTS.name, "telemetry_events_by_session", "(session_id)")
    state = ProjectState()
    with connection.schema_editor(atomic=False) as editor:
        operation.database_forwards("events", editor, state, state)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = 'telemetry_events_by_session'::regclass"
        )
        assert cursor.fetchall() == [(True,)]
        cursor.execute("SET LOCAL citus.propagate_set_commands TO 'local'; SET LOCAL enable_seqscan TO off")
        cursor.execute("EXPLAIN SELECT event_name FROM telemetry_events WHERE session_id = 'x'")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "session_id_idx" in plan


def test_a_query_of_one_person_goes_to_one_shard(api: ProjectClient) -> None:
    query = f"SELECT event_name FROM telemetry_events WHERE project_id = {api.project.pk} AND actor = 'me'"
    with connect() as own:
        (plan,) = own.execute(f"EXPLAIN (COSTS OFF, FORMAT JSON) {query}".encode()).fetchall()[0]
    assert '"Task Count": 1' in json.dumps(plan)

"""What distributing the tables needs of the schema holds on every server: nothing has to be mended for Citus later."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from storage.connections import connect
from storage.distribution.obstacles import has_citus, in_schema
from storage.distribution.placements import Placement, placements
from storage.distribution.steps import planned_steps
from storage.registry import Sharding, partitioned_tables
from tests.catalog import tables_naming_projects
from tests.storage.test_schema import OURS

pytestmark = pytest.mark.django_db

TABLE = "CREATE TABLE shelf (owner text NOT NULL, id bigint, at timestamptz, PRIMARY KEY (id, at))"

# The words of SQL that came with PostgreSQL 16 to 18.
TOO_NEW = re.compile(
    r"\b(any_value|array_sample|array_shuffle|json_table|json_exists|json_query|json_value|json_scalar|json_serialize"
    r"|xmltext|random_normal|date_add|date_subtract|uuidv7|uuidv4|casefold|array_sort|array_reverse|crc32c?"
    r"|virtual|without\s+overlaps|not\s+enforced|period|merge\s+into|split\s+partition|merge\s+partitions)\b"
)


def test_every_unique_key_can_take_its_column_and_no_foreign_key_or_trigger_stands_in_the_way() -> None:
    with connect() as own:
        assert in_schema(own, placements()) == []


def test_every_table_of_raw_records_has_a_place() -> None:
    placed = {placement.table: placement for placement in placements()}
    raw = {table.name for table in partitioned_tables() if table.columns}
    assert raw <= placed.keys()
    assert placed["metric_points"].sharding.beside == "metric_series"


def test_what_stays_on_the_coordinator_could_be_spread_by_project() -> None:
    """Trails, sessions, progress and the like: the road goes on where they outgrow one machine."""
    whole = tables_naming_projects() - {placement.table for placement in placements()}
    assert whole >= {"event_identifiers", "event_trails", "journey_progress", "open_sessions"}
    by_project = [Placement(table, Sharding(column="project_id")) for table in whole]
    with connect() as own:
        assert in_schema(own, by_project) == []


def test_a_table_comes_after_the_one_it_lies_beside() -> None:
    seen: set[str] = set()
    for placement in placements():
        assert placement.sharding.beside in {"", *seen}
        seen.add(placement.table)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("CREATE UNIQUE INDEX shelf_once ON shelf (id)", "shelf_once on shelf is unique without owner"),
        (
            "CREATE UNIQUE INDEX shelf_once ON shelf (id) INCLUDE (owner)",
            "shelf_once on shelf is unique without owner",
        ),
        (
            "ALTER TABLE shelf ADD twin bigint, ADD twin_at timestamptz, "
            "ADD CONSTRAINT same FOREIGN KEY (twin, twin_at) REFERENCES shelf",
            "foreign key same from shelf to shelf",
        ),
        (
            "CREATE TABLE book (id bigint, at timestamptz, CONSTRAINT stands FOREIGN KEY (id, at) REFERENCES shelf)",
            "foreign key stands from book to shelf",
        ),
        (
            "CREATE TRIGGER bell BEFORE UPDATE ON shelf FOR EACH ROW "
            "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "trigger bell on shelf",
        ),
        ("ALTER TABLE shelf ALTER owner DROP NOT NULL", "shelf.owner may be null"),
        (
            "ALTER TABLE shelf DROP owner, ADD owner text NOT NULL GENERATED ALWAYS AS ('x') STORED",
            "shelf.owner is a generated column",
        ),
        ("ALTER TABLE shelf DROP owner", "shelf has no column owner"),
        (
            "ALTER TABLE shelf ADD number int GENERATED ALWAYS AS IDENTITY",
            "shelf.number is an identity column narrower than bigint",
        ),
    ],
)
def test_what_stands_in_the_way_is_named(change: str, words: str) -> None:
    with connect() as own, own.transaction(force_rollback=True):
        own.execute(TABLE)
        own.execute(change.encode())
        (found,) = in_schema(own, [Placement("shelf", Sharding(column="owner"))])
    assert found.startswith(words)


def test_a_unique_key_that_a_partition_has_alone_is_named() -> None:
    with connect() as own, own.transaction(force_rollback=True):
        own.execute(f"{TABLE} PARTITION BY RANGE (at)")
        own.execute("CREATE TABLE shelf_1 PARTITION OF shelf DEFAULT")
        own.execute("CREATE UNIQUE INDEX alone ON shelf_1 (id)")
        (found,) = in_schema(own, [Placement("shelf", Sharding(column="owner"))])
    assert found.startswith("alone on shelf_1 is unique without owner")


def test_another_owner_of_the_tables_is_named() -> None:
    with connect() as own, own.transaction(force_rollback=True):
        own.execute("CREATE ROLE stranger")
        own.execute(TABLE)
        own.execute("SET LOCAL ROLE stranger")
        (found,) = in_schema(own, [Placement("shelf", Sharding(column="owner"))])
    assert found.startswith("shelf belongs to ")
    assert "not to stranger" in found


def test_what_there_is_to_do_is_said_with_rows_that_lack_their_column() -> None:
    shelf = Placement("shelf", Sharding(column="owner", filled_by="id::text"))
    with connect() as own, own.transaction(force_rollback=True):
        own.execute(TABLE)
        own.execute("INSERT INTO shelf VALUES ('', 1, now())")
        assert planned_steps(own, [shelf]) == [
            "shelf: fill owner in rows from before it was kept",
            "shelf: widen the primary key by owner",
            "shelf: distribute by owner",
        ]


@pytest.mark.parametrize("arguments", [("--check",), ()])
def test_without_citus_the_command_says_what_is_missing_and_changes_nothing(
    arguments: tuple[str, ...],
) -> None:
    with connect() as own:
        if has_citus(own):
            pytest.skip("this server has Citus")
    told = StringIO()
    with pytest.raises(CommandError) as refusal:
        call_command("distribute", *arguments, stderr=told)
    assert refusal.value.returncode == 1
    assert told.getvalue().startswith("in the way: the extension citus is not")


def test_no_migration_uses_words_that_postgresql_15_lacks() -> None:
    # On a connection of its own: what makes an index concurrently refuses the test's transaction.
    with ThreadPoolExecutor(1) as thread:
        written = thread.submit(_sql_of_migrations).result()
    assert len(written) > len(OURS)
    for migration, sql in written.items():
        assert TOO_NEW.findall(sql.lower()) == [], migration


def _sql_of_migrations() -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    try:
        for label, name in MigrationLoader(connection).disk_migrations:
            if label in {*OURS, "storage"}:
                sql = StringIO()
                call_command("sqlmigrate", label, name, stdout=sql)
                found[label, name] = sql.getvalue()
    finally:
        connection.close()
    return found

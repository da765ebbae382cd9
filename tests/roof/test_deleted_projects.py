"""What a deleted project leaves behind: rows that no foreign key takes along, and that no retention counts for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from psycopg import sql

from analytics.journeys import forgetting
from analytics.journeys import upkeep as journeys
from analytics.journeys.changes import event_rollup
from analytics.models.journeys import JourneyProgress
from projects.models import Project
from storage import leftovers
from storage.connections import connect
from storage.purging import MORE
from storage.registry import partitioned_tables
from telemetry_platform.purge.leaving import FORGOTTEN_ELSEWHERE, tables_of_projects
from tests.catalog import tables_naming_projects
from tests.clients import ProjectClient
from tests.rolled_up import begin_rollups_now, roll_everything_up

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("event-watermark")]

NOW = datetime.now(UTC)


def purge(*arguments: str) -> str:
    output = StringIO()
    call_command("purge", *arguments, stdout=output)
    return output.getvalue()


def use(api: ProjectClient) -> None:
    """Of everything a little."""
    begin_rollups_now()
    for age in (timedelta(minutes=10), timedelta(days=2)):
        event = {"event_name": "user_signed_up", "user_id": "ana", "timestamp": (NOW - age).isoformat()}
        assert api.post("/api/v1/events", event).status_code == 202
    point = {"metric_name": "cpu", "metric_value": 1}
    assert api.post("/api/v1/metrics", {"metrics": [point]}).status_code == 202
    roll_everything_up(event_rollup(), api.project.pk)
    link(api.project, 3)


def link(project: Project, count: int) -> None:
    """Ids that were said to be those of one person."""
    with connect() as own:
        own.execute(
            "INSERT INTO identity_links (project_id, identifier, user_id, linked_at) "
            "SELECT %s, 'anonymous ' || number, 'ana', now() FROM generate_series(1, %s) AS number",
            (project.pk, count),
        )


def left_of(project_id: int) -> dict[str, int]:
    """How many rows name the project, by table."""
    found = {}
    with connect() as own:
        for table in tables_of_projects():
            query = sql.SQL("SELECT count(*) FROM {} WHERE project_id = %s").format(sql.Identifier(table))
            (found[table],) = own.execute(query, (project_id,)).fetchone() or (0,)
    return {table: count for table, count in found.items() if count}


def test_a_purge_takes_what_a_deleted_project_left_behind_and_nothing_else(
    api: ProjectClient, other_api: ProjectClient
) -> None:
    use(api)
    use(other_api)
    kept = left_of(other_api.project.pk)
    assert kept.keys() >= {
        "event_identifiers",
        "event_trails",
        "identity_links",
        "journey_changes",
        "metric_series",
    }
    project_id = api.project.pk
    assert left_of(project_id).keys() == kept.keys()
    purge()
    assert left_of(project_id).keys() == kept.keys()
    Project.objects.filter(pk=project_id).delete()
    purge()
    assert left_of(project_id) == {}
    assert left_of(other_api.project.pk).keys() == kept.keys()


def test_a_dry_run_counts_what_is_left_of_deleted_projects(project: Project, other_project: Project) -> None:
    purge()
    link(project, 3)
    assert "deleted projects" not in purge("--dry-run")
    project.delete()
    assert "would delete rows of deleted projects: 3 rows" in purge("--dry-run").splitlines()


def test_nothing_is_taken_for_left_behind_where_no_project_is_there_yet(project: Project) -> None:
    """A backup that is being loaded has telemetry before it has projects."""
    link(project, 1)
    Project.objects.all().delete()
    assert "deleted projects" not in purge("--dry-run")


def test_projects_that_have_never_been_here_are_taken_for_a_backup_that_is_being_loaded(
    project: Project,
) -> None:
    coming = Project(pk=project.pk + 1_000_000)
    link(coming, 1)
    purge()
    assert left_of(coming.pk) == {"identity_links": 1}
    with connect() as own:
        own.execute("DELETE FROM identity_links WHERE project_id = %s", (coming.pk,))


def test_where_looking_alone_takes_too_long_every_table_has_its_turn_some_run(
    project: Project, other_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    purge()
    link(project, 1)
    monkeypatch.setattr(leftovers, "DELETE_SECONDS", 0.0)
    tables = ["event_trails", "identity_links", "metric_series"]

    def existing(project_ids: Sequence[int]) -> set[int]:
        return set(project_ids) - {project.pk}

    runs = 0
    while left_of(project.pk):
        assert leftovers.delete(tables, existing).left == MORE
        runs += 1
        assert runs < 200


def test_what_is_left_goes_in_short_statements_and_a_run_that_ends_early_is_finished_by_the_next(
    project: Project, other_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    purge()
    link(project, 5)
    link(other_project, 1)
    monkeypatch.setattr(leftovers, "DELETE_ROWS", 2)
    tables = ["identity_links"]

    def existing(project_ids: object) -> set[int]:
        return {other_project.pk}

    assert leftovers.count(tables, existing, 4) == 4
    with monkeypatch.context() as patch:
        patch.setattr(leftovers, "DELETE_SECONDS", 0.0)
        assert leftovers.delete(tables, existing).count == 2
    assert leftovers.delete(tables, existing).count == 3
    assert leftovers.delete(tables, existing).count == 0
    assert left_of(other_project.pk) == {"identity_links": 1}


def test_every_table_that_names_projects_loses_those_that_are_deleted() -> None:
    """By a foreign key, a partition at a time, within hours by themselves, or by the purge."""
    short_lived = {"ingest_identities", "ingest_receipts", "ingest_sourceminute", "ingest_sourceproblem"}
    by_days = {table.name for table in partitioned_tables()}
    expected = by_days | short_lived | FORGOTTEN_ELSEWHERE | set(tables_of_projects())
    assert tables_naming_projects() == expected


def test_progress_on_journeys_goes_with_the_upkeep_of_journeys(api: ProjectClient) -> None:
    use(api)
    journeys.follow(NOW)
    progress = JourneyProgress.objects.filter(project=api.project.pk)
    assert progress.count() == 1
    Project.objects.filter(pk=api.project.pk).delete()
    forgetting.forget(60)
    assert progress.count() == 0

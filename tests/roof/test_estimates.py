"""For a project that the statistics don't know, the planner compares no rows with all others one by one.

Statistics are made anew when a table has grown by a tenth: a second project may stay unknown to them for long.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.db import connection

from analytics.trails import trail_sql
from events.identities import persons_of
from events.trails import TRAILS
from projects.models import Project
from tests.roof.test_plans import NOW, explain

pytestmark = pytest.mark.django_db

EACH_WITH_EACH = re.compile(
    r"(Nested Loop|Merge Join).*\n(\s*Merge Cond: .*\n)?\s*Join Filter: .*(identifier|user_id|hour|bucket)"
)
FILLED = {
    "identity_links": "'a' || n, 'u' || n, now()",
    "event_identifiers": "'a' || n, n, now() + interval '1 month'",
}


@pytest.fixture
def unknown(project: Project, other_project: Project) -> int:
    """A project that came after the statistics, which know of another one with many rows."""
    with connection.cursor() as cursor:
        for table, columns in FILLED.items():
            for owner, count in ((other_project, 5000), (project, 500)):
                cursor.execute(
                    f"INSERT INTO {table} SELECT {owner.pk}, {columns} FROM generate_series(1, {count}) AS n"
                )
                if owner == other_project:
                    cursor.execute(f"ANALYZE {table}")
    return project.pk


def its_persons(project_id: int) -> str:
    return persons_of(str(project_id))


def merged_persons(project_id: int) -> str:
    identifiers = f"SELECT identifier, number FROM event_identifiers WHERE project_id = {project_id}"
    return (
        f"SELECT person, max(number) FROM ({its_persons(project_id)}) AS person "
        f"JOIN ({identifiers}) AS identifier USING (identifier) GROUP BY person"
    )


def one_of_its_hours(project_id: int) -> str:
    return TRAILS.fill.format(
        window=f"project_id = {project_id} AND event_timestamp >= '{NOW.isoformat()}'::timestamptz "
        f"AND event_timestamp < '{NOW.isoformat()}'::timestamptz + interval '1 hour'"
    )


def its_trails(project_id: int) -> str:
    start, end = f"'{NOW.isoformat()}'::timestamptz - interval '1 month'", f"'{NOW.isoformat()}'::timestamptz"
    asked = {"project_id": str(project_id), "start": start, "end": end}
    return trail_sql() % asked + "SELECT * FROM trail"


@pytest.mark.parametrize("statement", [its_persons, merged_persons, one_of_its_hours, its_trails])
def test_statements_about_people(unknown: int, statement: Callable[[int], str]) -> None:
    plan = explain(statement(unknown))
    assert not EACH_WITH_EACH.search(plan), plan


def test_the_view_of_events_by_the_hour(unknown: int) -> None:
    plan = explain(f"SELECT * FROM telemetry_events_hourly_summary WHERE project_id = {unknown}")
    assert not EACH_WITH_EACH.search(plan), plan

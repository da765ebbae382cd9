"""For a project that the statistics don't know, the planner compares no rows with all others one by one.

Statistics are made anew when a table has grown by a tenth: a second project may stay unknown to them for long.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.funnels import raw_road
from analytics.funnels.parsing import parse_funnel
from analytics.journeys.reading import journey_named
from analytics.journeys.ready import TTF
from analytics.journeys.report import Question, report
from analytics.trails import trail_sql
from events.identities import persons_of
from events.trails import TRAILS
from projects.models import Project
from tests.analytics.experiments.scene import ask as ask_experiment
from tests.analytics.experiments.scene import make_experiment
from tests.clients import ProjectClient, counts
from tests.roof.test_plans import NOW, explain, fill

pytestmark = pytest.mark.django_db


def each_with_each(names: str) -> re.Pattern[str]:
    """How plans say that rows of two kinds are compared by these columns one by one."""
    return re.compile(rf"(Nested Loop|Merge Join).*\n(\s*Merge Cond: .*\n)?\s*Join Filter: .*({names})")


PEOPLE, HOURS = each_with_each("identifier|user_id"), each_with_each("hour|bucket")
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
    assert not PEOPLE.search(plan), plan


def test_the_view_of_events_by_the_hour(unknown: int) -> None:
    plan = explain(f"SELECT * FROM telemetry_events_hourly_summary WHERE project_id = {unknown}")
    assert not HOURS.search(plan), plan


@pytest.fixture
def unknown_events(api: ProjectClient, other_api: ProjectClient) -> int:
    """Those of a project, which came after the statistics of their day."""
    viewed = {"event_name": "experiment_viewed", "user_id": "u1", "timestamp": NOW.isoformat()}
    names = {"id": "gen_random_uuid()", "user_id": "'u' || n"}
    for client in (other_api, api):
        assert counts(client.post("/api/v1/events", {"events": [viewed]}))[0]
        analyze = client is other_api
        fill(client.project, NOW, "telemetry_events", "event_timestamp", analyze=analyze, **names)
    return api.project.pk


@pytest.fixture
def no_links(db: None) -> None:
    """As the statistics have it, and as it is."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE identity_links")


def asked_by(ask: Callable[[], object], words: str) -> str:
    """The plan of the one statement with these words in it."""
    with CaptureQueriesContext(connection) as queries:
        ask()
    (asked,) = [query["sql"] for query in queries if words in query["sql"]]
    return explain(asked)


A_MONTH = {"start": (NOW - timedelta(days=30)).isoformat(), "end": (NOW + timedelta(days=1)).isoformat()}


def test_a_funnel_over_raw_rows(unknown: int, unknown_events: int) -> None:
    steps = [
        {"event_name": "experiment_viewed", "filters": {"tenant_id": {"exists": False}}},
        {"event_name": "order_paid"},
    ]
    funnel = parse_funnel({"steps": steps, "breakdown": "tenant_id", **A_MONTH})
    asked = raw_road.statement(unknown, funnel, 1000)
    plan = explain(asked.text, asked.parameters)
    assert not PEOPLE.search(plan), plan


def test_an_experiment_where_nobody_has_two_ids(
    unknown_events: int, no_links: None, api: ProjectClient
) -> None:
    make_experiment(api, starts_at=A_MONTH["start"])
    plan = asked_by(lambda: ask_experiment(api), "exposed")
    assert not re.search(r"Join Filter: .*unit", plan), plan


def test_a_journey_by_segment_where_nobody_has_two_ids(
    no_links: None, project: Project, api: ProjectClient
) -> None:
    assert counts(
        api.post("/api/v1/events", {"events": [{"event_name": "user_signed_up", "user_id": "u1"}]})
    )[0]
    journey = journey_named(project.pk, TTF)
    assert journey
    question = Question(now=NOW, start=NOW - timedelta(days=30), end=NOW, segment="tenant_id")
    plan = asked_by(lambda: report(journey, question), "measured")
    assert not re.search(r"Join Filter: .*person", plan), plan

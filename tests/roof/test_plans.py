"""The reads that people wait for go by the index or roll-up that is meant for them, however big the tables are."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.trails import trail_sql
from projects.models import Project
from storage.connections import connect
from storage.distribution.obstacles import has_citus
from tests.clients import ProjectClient

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
A_MONTH = f"start={(NOW - timedelta(days=30)).isoformat()[:19]}Z&end={NOW.isoformat()[:19]}Z"
IN_RANGE = f"{(NOW - timedelta(hours=2)).isoformat()[:19]}Z"
HALF_A_YEAR = f"start={(NOW - timedelta(days=180)).isoformat()[:19]}Z&end={NOW.isoformat()[:19]}Z"


def plan_of(api: ProjectClient, path: str) -> str:
    """EXPLAIN of every SELECT behind a request, as on tables too big to be read whole."""
    with CaptureQueriesContext(connection) as queries:
        assert api.get(path).status_code == 200
    plans = []
    with connection.cursor() as cursor:
        # Citus passes settings on to its shards where it is told to; elsewhere nobody reads this.
        cursor.execute("SET LOCAL citus.propagate_set_commands = 'local'")
        cursor.execute("SET LOCAL enable_seqscan = off")
    for query in queries:
        if re.match(r"\s*(SELECT|WITH)", query["sql"]):
            plans.append(explain(query["sql"]))
    return "\n".join(plans)


@pytest.mark.parametrize(
    ("path", "tables", "used"),
    [
        ("/api/v1/events/?page_size=100", "telemetry_events", r"telemetry_events_p\d+_(pkey|project_id)"),
        (f"/api/v1/event-summary/?group_by=event_name&interval=1h&{A_MONTH}", "telemetry_events|event_rollup_hours",
         "event_rollup_hours_by_time"),
        (f"/api/v1/metric-chart/?metric_name=cpu&interval=6h&{HALF_A_YEAR}", "metric_points|point_rollup_hours",
         "point_rollup_hours"),
        ("/api/v1/alerts/?status=firing", "alerting_alert", "Index"),
    ],
)  # fmt: skip
def test_a_slow_read_uses_its_index_or_roll_up(api: ProjectClient, path: str, tables: str, used: str) -> None:
    cpu = {"metric_name": "cpu", "metric_value": 1, "timestamp": IN_RANGE}
    points = [{**cpu, "host_name": f"h{number}"} for number in range(3)]
    api.post("/api/v1/metrics", {"metrics": points})
    api.post("/api/v1/events", {"events": [{"event_name": "login"}]})
    plan = plan_of(api, path)
    assert re.search(used, plan), plan
    assert not re.search(rf"Seq Scan on ({tables})", plan), plan


MANY = 20_000


@pytest.mark.parametrize(
    ("path", "used"),
    [
        ("/api/v1/events/5b8efff7-9803-4103-8d26-0bd8e9d28e1c/", "telemetry_events_p{day}_mod_id"),
        ("/api/v1/events/order-7/", "telemetry_events_p{day}_mod_client_id"),
        ("/api/v1/traces/5b8efff798038103d269b633813fc60c/", "traces_p{day}_mod_trace_id"),
        ("/api/v1/traces/?trace_id=5b8efff798038103d269b633813fc60c", "traces_p{day}_mod_trace_id"),
    ],
)
def test_what_has_a_random_id_is_found_by_the_index_with_the_slice_before_it(
    api: ProjectClient, project: Project, path: str, used: str
) -> None:
    moment = NOW - timedelta(hours=30)
    event = {"event_name": "order", "id": "order-7", "timestamp": f"{moment.isoformat()[:19]}Z"}
    span = {"trace_id": "5b8efff798038103d269b633813fc60c", "span_id": "d269b633813fc60c", "duration_ms": 1}
    span |= {"service_name": "shop", "operation_name": "pay", "start_time": event["timestamp"]}
    api.post("/api/v1/events", {"events": [event]})
    api.post("/api/v1/traces", {"spans": [span]})
    fill(project, moment, "telemetry_events", "event_timestamp", id="gen_random_uuid()", client_id="'c' || n")
    fill(project, moment, "traces", "start_time", trace_id="md5(n::text)")
    with CaptureQueriesContext(connection) as queries:
        api.get(path)
    plan = explain(queries.captured_queries[-1]["sql"])
    assert re.search(used.format(day=f"{moment:%Y%m%d}"), plan), plan


def fill(
    project: Project, moment: datetime, table: str, time_column: str, *, analyze: bool = True, **random: str
) -> None:
    """Many rows like the newest one of this moment, in the test's transaction."""
    columns = {time_column: f"{time_column} + n * interval '1 ms'", **random}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position",
            [table],
        )
        values = ", ".join(columns.get(name, name) for (name,) in cursor.fetchall())
        cursor.execute(
            f"INSERT INTO {table} SELECT {values} FROM generate_series(1, {MANY}) AS n, "
            f"(SELECT * FROM {table} WHERE project_id = %s LIMIT 1) AS row",
            [project.pk],
        )
        if analyze:
            cursor.execute(f"ANALYZE {table}_p{moment:%Y%m%d}")


@pytest.mark.parametrize(
    "path",
    [
        f"/api/v1/event-summary/?group_by=event_name&interval=1h&{A_MONTH}",
        f"/api/v1/event-summary/?group_by=event_name&interval=1d&measures=event_count,users&{HALF_A_YEAR}",
        f"/api/v1/metric-chart/?metric_name=cpu&interval=6h&{HALF_A_YEAR}",
    ],
)
def test_rows_are_not_compared_with_every_hour_of_late_rows_one_by_one(api: ProjectClient, path: str) -> None:
    cpu = {"metric_name": "cpu", "metric_value": 1, "timestamp": IN_RANGE}
    api.post("/api/v1/metrics", {"metrics": [cpu]})
    looks_hours_up(plan_of(api, path))


@pytest.mark.django_db
def test_neither_are_those_of_a_funnel() -> None:
    asked: dict[str, int | datetime] = {"project_id": 1, "start": NOW - timedelta(days=30), "end": NOW}
    with CaptureQueriesContext(connection) as queries, connection.cursor() as cursor:
        cursor.execute(trail_sql() + "SELECT * FROM trail", asked)
    looks_hours_up(explain(queries.captured_queries[0]["sql"]))


def looks_hours_up(plan: str) -> None:
    """Ten thousand such hours are usual once old data has been loaded, and the planner knows of none."""
    with connect() as own:
        if has_citus(own):
            pytest.skip("Citus runs no such look-up: there it is a join")
    assert "invalid_hour" in plan
    assert not re.search(r"Nested Loop.*\n\s*Join Filter: .*invalid_(hour|days)", plan), plan


def explain(sql: str, parameters: tuple[Any, ...] | None = None) -> str:
    with connection.cursor() as cursor:
        # All shards, because the rows may lie on one of them; elsewhere nobody reads this.
        cursor.execute("SET LOCAL citus.explain_all_tasks = on")
        cursor.execute(f"EXPLAIN {sql}", parameters)
        return "\n".join(row[0] for row in cursor.fetchall())

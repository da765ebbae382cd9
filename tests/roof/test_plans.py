"""The reads that people wait for go by the index or roll-up that is meant for them, however big the tables are."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.clients import ProjectClient

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
A_MONTH = f"start={(NOW - timedelta(days=30)).isoformat()[:19]}Z&end={NOW.isoformat()[:19]}Z"
HALF_A_YEAR = f"start={(NOW - timedelta(days=180)).isoformat()[:19]}Z&end={NOW.isoformat()[:19]}Z"


def plan_of(api: ProjectClient, path: str) -> str:
    """EXPLAIN of every SELECT behind a request, as on tables too big to be read whole."""
    with CaptureQueriesContext(connection) as queries:
        assert api.get(path).status_code == 200
    plans = []
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for query in queries:
            if re.match(r"\s*(SELECT|WITH)", query["sql"]):
                cursor.execute(f"EXPLAIN {query['sql']}")
                plans += [row[0] for row in cursor.fetchall()]
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
    points = [{"metric_name": "cpu", "metric_value": 1, "host_name": f"h{number}"} for number in range(3)]
    api.post("/api/v1/metrics", {"metrics": points})
    api.post("/api/v1/events", {"events": [{"event_name": "login"}]})
    plan = plan_of(api, path)
    assert re.search(used, plan), plan
    assert not re.search(rf"Seq Scan on ({tables})", plan), plan

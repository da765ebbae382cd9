from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from events.deploys import deploy_label, deploys
from events.models import Event
from projects.models import Project
from tests.clients import ProjectClient, counts


@pytest.mark.parametrize(
    ("fields", "label"),
    [
        ({}, "deploy"),
        ({"tags": {"service": "web", "version": "1.42"}}, "deploy web 1.42"),
        ({"event_data": {"service": "web", "release": 7}, "source": "ci"}, "deploy web 7"),
        ({"source": "checkout"}, "deploy checkout"),
        ({"tags": {"service": "web"}, "event_data": {"service": "api", "version": {"a": 1}}}, "deploy web"),
        ({"tags": ["odd"], "event_data": "odd"}, "deploy"),
        ({"tags": {"version": "v" * 500}}, f"deploy {'v' * 40}"),
    ],
)
def test_a_deploy_is_called_after_what_its_event_says(fields: dict[str, Any], label: str) -> None:
    assert deploy_label(Event(**{"event_name": "deploy", "tags": {}, "event_data": {}} | fields)) == label


@pytest.mark.django_db
def test_deploys_are_found_by_name_or_type_newest_first_by_an_index_of_their_own(
    api: ProjectClient, project: Project
) -> None:
    now = timezone.now()
    sent = [
        {"event_name": "deploy", "timestamp": (now - timedelta(minutes=9)).isoformat()},
        {
            "event_name": "rollout",
            "event_type": "deployment",
            "timestamp": (now - timedelta(minutes=5)).isoformat(),
        },
        {"event_name": "deployment", "timestamp": (now - timedelta(hours=3)).isoformat()},
        {"event_name": "signup", "timestamp": now.isoformat()},
    ]
    assert counts(api.post("/api/v1/events", {"events": sent})) == (4, 0, 0)
    with CaptureQueriesContext(connection) as asked:
        found = deploys(project.pk, now - timedelta(hours=1), now)
    assert [one.label for one in found] == ["rollout", "deploy"]
    with connection.cursor() as cursor:
        # Citus passes settings on to its shards where it is told to; elsewhere nobody reads this.
        cursor.execute("SET LOCAL citus.propagate_set_commands = 'local'")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {asked.captured_queries[0]['sql']}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    # The condition is the index's own: nothing is left to look for in the rows it finds.
    assert "Index Scan" in plan
    assert "Filter" not in plan

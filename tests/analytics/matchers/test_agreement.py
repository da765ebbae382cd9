"""A matcher asked of the database and asked of one event says the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.matchers import Matcher, condition, matches, parse
from tests.analytics.matchers.strategies import EVENTS, MATCHERS
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db

MOMENT = (datetime.now(UTC) - timedelta(hours=2)).replace(microsecond=0)


def stored(api: ProjectClient, events: list[dict[str, Any]]) -> None:
    batch = [
        {**event, "id": str(number), "timestamp": MOMENT.isoformat()} for number, event in enumerate(events)
    ]
    answer = api.post("/api/v1/events", {"events": batch})
    assert answer.json()["accepted"] == len(events), answer.content


def found(api: ProjectClient, matcher: Matcher) -> set[int]:
    """The numbers of the events that the database finds."""
    matching = condition(matcher)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT client_id, {matching.text} FROM telemetry_events WHERE project_id = %s AND event_timestamp = %s",
            [*matching.parameters, api.project.pk, MOMENT],
        )
        rows = cursor.fetchall()
    assert all(row[1] is not None for row in rows)
    return {int(row[0]) for row in rows if row[1]}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(EVENTS, min_size=1, max_size=12), wanted=st.lists(MATCHERS, min_size=1, max_size=8))
def test_the_database_and_plain_python_find_the_same_events(
    db: None, events: list[dict[str, Any]], wanted: list[dict[str, Any]]
) -> None:
    api = client_of(make_project("agree"))
    stored(api, events)
    for one in wanted:
        matcher = parse(one)
        expected = {number for number, event in enumerate(events) if matches(matcher, event)}
        assert found(api, matcher) == expected, one


@pytest.mark.parametrize("ways", [[500, 500.0], [0, -0.0], [1e-7, 0.0000001], [1e23, 10**23]], ids=str)
def test_a_number_is_found_however_it_was_written(api: ProjectClient, ways: list[float]) -> None:
    stored(api, [{"event_name": "paid", "properties": {"total": value}} for value in (*ways, 3, "x")])
    for value in ways:
        for test in (value, [value], {"equals": value}):
            matcher = parse({"filters": {"properties.total": test}})
            assert found(api, matcher) == {0, 1}, test

"""A matcher asked of the database and asked of one event says the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.matchers import Matcher, condition, matches, parse
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db

MOMENT = (datetime.now(UTC) - timedelta(hours=2)).replace(microsecond=0)

TEXTS = st.sampled_from(["a", "b", "ab", "", "5", "5.0", "true", "%", "é", "[1, 2]"])
NUMBERS = st.one_of(
    st.integers(-3, 6),
    st.sampled_from([0.5, 5.0, -0.0, 1e-7, 1e16, 1e22, 1e300, 123456789.125]),
)
VALUES = st.one_of(
    TEXTS,
    NUMBERS,
    st.booleans(),
    st.none(),
    st.lists(st.integers(1, 2), max_size=2),
    st.just({"bb": 1, "a": [None]}),
)
OBJECTS = st.dictionaries(st.sampled_from(["plan", "7"]), VALUES, max_size=2)
EVENTS = st.fixed_dictionaries(
    {"event_name": st.sampled_from(["paid", "seen"])},
    optional={
        "event_type": TEXTS,
        "user_id": TEXTS,
        "source_ip": st.sampled_from(["192.0.2.1", "2001:db8::1"]),
        "duration_ms": st.one_of(st.integers(0, 9), st.sampled_from([0.25, 1e15, 123456789012345.0, 1e-7])),
        "tags": OBJECTS,
        "properties": OBJECTS,
    },
)

SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans())
TEXT_TESTS = st.one_of(
    SCALARS,
    st.lists(SCALARS, min_size=1, max_size=3),
    st.fixed_dictionaries({"contains": TEXTS}),
    st.fixed_dictionaries({"exists": st.booleans()}),
)
NUMBER_TESTS = st.builds(
    lambda name, value: {name: value},
    st.sampled_from(["greater", "less", "greater_or_equal", "less_or_equal"]),
    NUMBERS,
)


def one_test(column: str) -> st.SearchStrategy[Any]:
    holds_numbers = column == "duration_ms" or "." in column
    plain = st.one_of(TEXT_TESTS, NUMBER_TESTS) if holds_numbers else TEXT_TESTS
    return st.one_of(plain, st.builds(lambda test: {"not": test}, plain))


COLUMNS = [
    "event_type",
    "user_id",
    "source_ip",
    "duration_ms",
    "tags.plan",
    "properties.plan",
    "properties.7",
]
FILTERS = st.sets(st.sampled_from(COLUMNS), max_size=3).flatmap(
    lambda columns: st.fixed_dictionaries({column: one_test(column) for column in columns})
)
PLAIN = st.fixed_dictionaries(
    {"filters": FILTERS}, optional={"event_name": st.just("paid"), "event_type": TEXTS}
).filter(lambda value: bool(value["filters"]) or len(value) > 1)
MATCHERS = st.one_of(
    PLAIN, st.builds(lambda any_of: {"any_of": any_of}, st.lists(PLAIN, min_size=1, max_size=3))
)


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

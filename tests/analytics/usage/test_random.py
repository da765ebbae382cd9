"""Whatever is sent in whatever order, rolled up or not, usage is what plain Python says of the same events."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.matchers import matches, parse
from analytics.models.features import Feature
from tests.analytics.funnels.test_random import link, of_one_actor
from tests.analytics.naive import Event
from tests.analytics.usage import naive
from tests.analytics.usage.naive import Times
from tests.analytics.usage.scene import MONDAY, NOW, ask, roll_up, send
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db

TICK = timedelta(microseconds=1)
EDGES = [MONDAY + timedelta(days=days) for days in (-7, 0, 1, 7, 8, 14, 21)]
MOMENTS = [*EDGES, *(edge - TICK for edge in EDGES), NOW - timedelta(minutes=30)]
FEATURES: dict[str, dict[str, Any]] = {
    "by-name": {"event_name": "shared"},
    "by-filter": {"event_name": "opened", "filters": {"properties.n": {"greater": 1}}},
}
EVENT = st.fixed_dictionaries(
    {
        "event_name": st.sampled_from(["opened", "shared"]),
        "timestamp": st.sampled_from(MOMENTS),
        "id": st.integers(0, 30).map(lambda number: str(UUID(int=number))),
        "user_id": st.sampled_from(["ana", "bo", "cy", None]),
        "anonymous_id": st.sampled_from(["ana", "phone", "laptop", None]),
        "session_id": st.sampled_from(["s1", None]),
        "properties": st.fixed_dictionaries({"n": st.integers(1, 2)}),
    }
)
PARTS = st.lists(st.lists(EVENT, max_size=7), min_size=1, max_size=3)
LINKS = st.dictionaries(
    st.sampled_from(["phone", "laptop"]), st.sampled_from(["ana", "bo", "phone", "nobody"])
)
RANGES = st.tuples(st.sampled_from([-7, 0, 3]), st.sampled_from([4, 9, 15]))


def send_in_parts(api: ProjectClient, parts: list[list[dict[str, Any]]]) -> list[Event]:
    """Each part but the last is rolled up before the next is sent, so that the next is late or fresh."""
    stored: dict[tuple[datetime, str], dict[str, Any]] = {}
    for number, part in enumerate(parts):
        sent = of_one_actor(part, stored.values())
        send(api, sent)
        for event in sent:
            stored.setdefault((event["timestamp"], event["id"]), event)
        if number < len(parts) - 1:
            roll_up(api)
    return list(stored.values())


def moments(rows: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [{**row, name: datetime.fromisoformat(row[name])} for row in rows]


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=PARTS, links=LINKS, edges=RANGES, period=st.sampled_from(["day", "week", "month"]))
def test_usage_agrees_with_plain_python(
    db: None,
    parts: list[list[dict[str, Any]]],
    links: dict[str, str],
    edges: tuple[int, int],
    period: str,
) -> None:
    api = client_of(make_project("usage"))
    stored, made = send_in_parts(api, parts), link(api, links)
    start, end = (MONDAY + timedelta(days=edge, hours=1) for edge in edges)
    span = {"start": start.isoformat(), "end": end.isoformat()}
    anything = naive.times_of(stored, made)
    shared = naive.times_of(stored, made, lambda event: event["event_name"] == "shared")

    days = ask(api, "active", **span)["days"]
    assert moments(days, "day") == naive.active(anything, start, end)
    days = ask(api, "active", event_name="shared", **span)["days"]
    assert moments(days, "day") == naive.active(shared, start, end)

    for began, returned, query in (
        (anything, anything, {}),
        (shared, anything, {"cohort_event": "shared"}),
        (anything, shared, {"returning_event": "shared"}),
    ):
        cohorts = ask(api, "retention", period=period, **query, **span)["cohorts"]
        expected = naive.retention(began, returned, period, start, end)
        assert [[one["people"], *one["returned"]] for one in cohorts] == expected, query
        check_people(api, began, returned, {"period": period, **query}, cohorts)

    periods = ask(api, "lifecycle", period=period, **span)["periods"]
    assert moments(periods, "start") == naive.lifecycle(anything, period, start, end)
    used = {slug: naive.times_of(stored, made, using(slug)) for slug in FEATURES}
    check_adoption(api, used, anything, {"period": period, **span})


def check_people(
    api: ProjectClient, began: Times, returned: Times, query: dict[str, str], cohorts: list[dict[str, Any]]
) -> None:
    """Those behind the last number of the first cohort and of one in the middle, and these cohorts as a whole."""
    for number in {0, len(cohorts) // 2}:
        one = cohorts[number]
        for later in (None, len(one["returned"]) - 1):
            asked = {**query, "cohort": one["start"], **({} if later is None else {"later": later})}
            found = ask(api, "retention/people", **asked)
            cohort, *back = (datetime.fromisoformat(found[name]) for name in ("cohort", "start", "end"))
            again = began if later is None else returned
            expected = naive.cell(began, again, query["period"], cohort, (back[0], back[1]))
            assert sorted(row["user_id"] for row in found["results"]) == sorted(expected), asked
            assert found["count"] == (one["people"] if later is None else one["returned"][later])


def using(feature: str) -> Any:
    matcher = parse(FEATURES[feature])
    return lambda event: matches(matcher, event)


def check_adoption(
    api: ProjectClient, used: dict[str, Times], anything: Times, query: dict[str, str]
) -> None:
    period, *edges = query["period"], *map(datetime.fromisoformat, (query["start"], query["end"]))
    for slug, matcher in FEATURES.items():
        Feature.objects.create(project=api.project, slug=slug, name=slug, matcher=matcher)
    listed = {one["slug"]: one for one in ask(api, "adoption", **query)["features"]}
    for slug in FEATURES:
        found = ask(api, f"adoption/{slug}", **query)
        assert {name: found[name] for name in listed[slug]} == listed[slug]
        expected = naive.adoption(used[slug], anything, period, *edges)
        assert [(one["people"], one["active"]) for one in found["periods"]] == expected.pop("by_period")
        told = found | found["time_to_adopt"]
        assert {name: told[name] for name in expected} == expected
        dropped = found["drop_off"]
        assert (
            dropped and (dropped["people"], dropped["dropped"], dropped["still_active"])
        ) == naive.drop_off(used[slug], anything, period, (edges[0], edges[1]), NOW)

"""Trails and raw events, in whatever mix, answer what plain Python says of the same events."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics import trails
from analytics.funnels import bounds, packed_road
from analytics.funnels.parsing import parse_funnel
from analytics.funnels.question import Funnel
from events.rollups import EVENT_ROLLUP
from projects.models import Project
from storage.connections import connect
from storage.rollups import engine
from tests.analytics import naive
from tests.analytics.funnels.cases import NAMES, funnels_of_names
from tests.analytics.funnels.test_random import LINKS, link, rounded, send, shown
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project
from tests.rolled_up import killed_step

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("event-watermark")]

NOW = datetime.now(UTC).replace(minute=30, second=0, microsecond=0)
MOMENT = NOW - timedelta(hours=4, minutes=35)
"""Five minutes before an hour ends, so that ten minutes lie in two hours."""

WHO = [(user, device) for user in ("ana", "bo", None) for device in ("ana", "phone", "laptop", None)]


def event(name: str, minute: int, number: int, who: int) -> dict[str, Any]:
    """Of an id that nobody else has: another's event of the same id and time is another event on Citus alone."""
    user, device = WHO[who]
    return {
        "event_name": name,
        "timestamp": MOMENT + timedelta(minutes=minute),
        "id": str(uuid.UUID(int=number * len(WHO) + who)),
        "user_id": user,
        "anonymous_id": device,
    }


EVENT = st.builds(
    event, st.sampled_from(NAMES), st.integers(0, 9), st.integers(0, 9), st.integers(0, len(WHO) - 1)
)
STEP = st.one_of(
    st.lists(EVENT, min_size=1, max_size=8),
    # Before, between and after the events; what is sent for an earlier time then is late.
    st.sampled_from([-2, 1, 3, 5, 6, 8, 65]).map(lambda minutes: ("advance", minutes)),
    st.sampled_from([("recompute", 0), ("killed", 0), ("rebuild", 0)]),
)
PLAN = st.tuples(
    st.lists(EVENT, min_size=1, max_size=8),
    st.lists(STEP, min_size=2, max_size=5),
    st.lists(EVENT, max_size=6),
).map(lambda frame: [frame[0], *frame[1], frame[2]])
EDGES = st.one_of(
    st.just((-5, 55)), st.tuples(st.sampled_from([None, 0, 3, 5]), st.sampled_from([None, 5, 7, 10]))
).filter(lambda edges: edges[0] != edges[1] or edges[0] is None)


def begin_before(moment: datetime) -> None:
    """Begin where a new platform begins; the watermark itself never goes back."""
    with connect() as own:
        own.execute(
            "UPDATE rollup_watermarks SET closed_to = %s, closing_to = %s WHERE raw_table = %s",
            (moment, moment, EVENT_ROLLUP.name),
        )


def do(project: Project, step: str, minutes: int) -> None:
    match step:
        case "advance":
            engine.advance(
                EVENT_ROLLUP, MOMENT + timedelta(minutes=minutes) + engine.LAG, lambda: [project.pk]
            )
        case "recompute":
            engine.recompute(EVENT_ROLLUP)
        case "killed":
            killed_step(EVENT_ROLLUP, project)
        case "rebuild":
            engine.invalidate(EVENT_ROLLUP, project.pk, MOMENT - timedelta(hours=1), NOW)


def sent(api: ProjectClient, plan: list[Any]) -> list[dict[str, Any]]:
    """Events are sent and steps are done in this order; what is stored in the end."""
    stored: dict[tuple[datetime, str], dict[str, Any]] = {}
    for step in plan:
        if isinstance(step, tuple):
            do(api.project, *step)
            continue
        for one in send(api, step, stored.values()):
            stored.setdefault((one["timestamp"], one["id"]), one)
    return list(stored.values())


def bytes_of_largest(units: dict[str, list[naive.Event]], funnel: Funnel) -> int:
    """So much that nobody has more events than may lie in memory, and most of the others come after them."""
    most = max((len(events) for events in units.values()), default=1)
    return most * (bounds.BYTES_AN_EVENT + bounds.BYTES_A_STEP * len(funnel.steps))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    plan=PLAN,
    links=LINKS,
    asked=st.lists(st.tuples(funnels_of_names(), EDGES, st.booleans()), min_size=1, max_size=4),
)
def test_funnels_over_trails_and_raw_events_agree_with_plain_python(
    db: None,
    plan: list[Any],
    links: dict[str, str],
    asked: list[tuple[dict[str, Any], tuple[Any, Any], bool]],
) -> None:
    api = client_of(make_project("roads"))
    begin_before(MOMENT - timedelta(minutes=10))
    stored = sent(api, plan)
    made = link(api, links)
    for body, edges, is_in_parts in asked:
        start, end = (edge if edge is None else MOMENT + timedelta(minutes=edge) for edge in edges)
        in_range = [
            one
            for one in stored
            if (start is None or start <= one["timestamp"]) and (end is None or one["timestamp"] < end)
        ]
        whole = {**body, "start": start and start.isoformat(), "end": end and end.isoformat()}
        question = parse_funnel(whole)
        assert packed_road.is_open_to(question)
        units = naive.by_unit(in_range, "user_id", made)
        chains = {unit: naive.chain_of(events, question) for unit, events in units.items()}
        expected = rounded(naive.figures(list(chains.values()), len(question.steps)))
        with pytest.MonkeyPatch.context() as patched:
            if is_in_parts:
                patched.setattr(bounds, "MOST_BYTES", bytes_of_largest(units, question))
                patched.setattr(trails, "CHUNK", 2)
            answer = api.post("/api/v1/analytics/funnel/", whole)
            people = api.post("/api/v1/analytics/funnel/people/", whole).json()
        assert answer.status_code == 200, answer.content
        assert shown(answer.json()) == expected, whole
        reached = {one["unit"]: one["steps"] for one in people["results"]}
        assert reached == {unit: len(chain) for unit, chain in chains.items() if chain}, whole


def test_whoever_is_purged_meanwhile_is_counted_without_a_name(db: None) -> None:
    api = client_of(make_project("purged"))
    begin_before(MOMENT - timedelta(minutes=10))
    send(api, [event("a", 0, 0, WHO.index(("ana", None))), event("a", 1, 1, WHO.index(("bo", None)))])
    do(api.project, "advance", 65)
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM event_identifiers WHERE project_id = %s AND identifier = 'ana'", [api.project.pk]
        )
    found = api.post("/api/v1/analytics/funnel/people/", {"steps": [{"event_name": "a"}]}).json()
    assert found["count"] == 2
    assert [one["unit"] for one in found["results"]] == ["bo"]

"""Whatever is sent in whatever order, the API answers what plain Python says of the same events."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.funnels import raw_road
from analytics.funnels.parsing import parse_funnel
from events.identities import Link
from events.models import IdentityLink
from tests.analytics import naive
from tests.analytics.funnels.cases import NAMES, funnels
from tests.clients import ProjectClient, client_of, counts
from tests.conftest import make_project

pytestmark = pytest.mark.django_db

MOMENT = (datetime.now(UTC) - timedelta(hours=3)).replace(second=0, microsecond=0)
PEOPLE = st.sampled_from(["ana", "bo", None])
EVENT = st.fixed_dictionaries(
    {
        "event_name": st.sampled_from(NAMES),
        "timestamp": st.integers(0, 9).map(lambda minutes: MOMENT + timedelta(minutes=minutes)),
        "id": st.integers(0, 30).map(lambda number: str(uuid.UUID(int=number))),
        "user_id": PEOPLE,
        "anonymous_id": st.sampled_from(["ana", "phone", "laptop", None]),
        "session_id": st.sampled_from(["s1", "s2", None]),
        "tenant_id": st.sampled_from(["t1", None]),
        "properties": st.fixed_dictionaries(
            {"n": st.integers(1, 2)}, optional={"plan": st.sampled_from("pf")}
        ),
    }
)
LINKS = st.dictionaries(st.sampled_from(["phone", "laptop"]), st.sampled_from(["ana", "bo", "phone"]))
UNITS = st.sampled_from(["user_id", "session_id", "tenant_id", "properties.plan"])

AT_ONCE = st.sampled_from([1, 3, raw_road.AT_ONCE])


def send(
    api: ProjectClient, events: list[dict[str, Any]], before: Iterable[dict[str, Any]] = ()
) -> list[dict[str, Any]]:
    """Send them in two requests; the events that are stored: those of one id and one time once.

    `before` are those that were stored before.
    """
    events = of_one_actor(events, before)
    half = len(events) // 2
    for batch in (events[half:], events[:half]):
        if batch:
            made = [{**event, "timestamp": event["timestamp"].isoformat()} for event in batch]
            assert counts(api.post("/api/v1/events", {"events": made}))[2] == 0
    stored: dict[tuple[datetime, str], dict[str, Any]] = {}
    for event in (*events[half:], *events[:half]):
        stored.setdefault((event["timestamp"], event["id"]), event)
    return list(stored.values())


def of_one_actor(
    events: Iterable[dict[str, Any]], before: Iterable[dict[str, Any]] = ()
) -> list[dict[str, Any]]:
    """Without those that have id and time of one by somebody else: on Citus, and only there, they are other events."""
    actors = {(event["timestamp"], event["id"]): actor_of(event) for event in before}
    return [
        event
        for event in events
        if actors.setdefault((event["timestamp"], event["id"]), actor_of(event)) == actor_of(event)
    ]


def actor_of(event: Mapping[str, Any]) -> str | None:
    return event.get("user_id") or event.get("anonymous_id") or event.get("session_id")


def link(api: ProjectClient, links: dict[str, str]) -> dict[str, Link]:
    found = {one: Link(user, MOMENT) for one, user in links.items() if one != user}
    IdentityLink.objects.bulk_create(
        IdentityLink(project=api.project, identifier=one, user_id=link.user_id, linked_at=link.linked_at)
        for one, link in found.items()
    )
    return found


def shown(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer in the form of the naive figures."""
    steps = answer["steps"]
    pair = ("median_seconds", "mean_seconds")
    times = [tuple(step[name] for name in pair) for step in steps[1:]]
    total = tuple(answer[f"total_{name}"] for name in pair)
    return {
        "counts": [step["count"] for step in steps],
        "times": [None if one == (None, None) else one for one in times],
        "total": None if total == (None, None) else total,
    }


def rounded(figures: dict[str, Any]) -> dict[str, Any]:
    def of(times: Any) -> Any:
        return times and tuple(round(one, 6) for one in times)

    return {**figures, "times": [of(one) for one in figures["times"]], "total": of(figures["total"])}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sent=st.lists(EVENT, min_size=1, max_size=16),
    links=LINKS,
    asked=st.lists(st.tuples(funnels(), UNITS, AT_ONCE), min_size=1, max_size=4),
    edges=st.tuples(st.integers(0, 3), st.integers(7, 10)),
)
def test_funnels_agree_with_plain_python(
    db: None,
    sent: list[dict[str, Any]],
    links: dict[str, str],
    asked: list[tuple[dict[str, Any], str, int]],
    edges: tuple[int, int],
) -> None:
    api = client_of(make_project("funnels"))
    stored, made = send(api, sent), link(api, links)
    start, end = (MOMENT + timedelta(minutes=edge) for edge in edges)
    in_range = [event for event in stored if start <= event["timestamp"] < end]
    for funnel, unit, at_once in asked:
        body = {**funnel, "unit": unit, "start": start.isoformat(), "end": end.isoformat()}
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(raw_road, "AT_ONCE", at_once)
            answer = api.post("/api/v1/analytics/funnel/", body)
        assert answer.status_code == 200, answer.content
        question = parse_funnel(body)
        chains = [naive.chain_of(events, question) for events in naive.by_unit(in_range, unit, made).values()]
        assert shown(answer.json()) == rounded(naive.figures(chains, len(question.steps))), body

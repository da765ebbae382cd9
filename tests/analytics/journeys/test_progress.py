"""Whatever happens in whatever order, progress is what one pass over plain lists says."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.families import families
from analytics.journeys import changes, forgetting, upkeep
from analytics.journeys.completions import kept
from analytics.journeys.definitions import Definition, current
from analytics.journeys.measures import Reached, earliest
from analytics.journeys.reading import person_on, times_by_identifier
from analytics.models.journeys import Journey, JourneyCompletion, JourneyProgress, Milestone
from analytics.tasks import forget_old_journeys
from events.identities import Link, person_of
from events.models import IdentityLink
from projects.models import Project
from storage.connections import connect
from storage.rollups import engine
from telemetry_platform.tasks import follow_journeys
from tests.analytics.journeys.scene import (
    NOW,
    Seen,
    link,
    make_journey,
    naive_times,
    roll_up,
    send,
    settle,
)
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project

MATCHERS = {
    "begun": {"event_name": "a"},
    "pro": {"event_name": "b", "filters": {"properties.plan": "pro"}},
    "either": {"any_of": [{"event_name": "b"}, {"event_name": "c"}]},
    "done": {"event_name": "c", "filters": {"properties.plan": {"not": {"equals": "free"}}}},
}
EVENTS = st.lists(
    st.builds(
        Seen,
        # Whole minutes that meet often, and the edges of an hour.
        seconds_ago=st.integers(0, 8).map(lambda quarter: quarter * 900.0) | st.integers(0, 7200).map(float),
        event_name=st.sampled_from("abcd"),
        user_id=st.sampled_from(["ana", "bob", None]),
        anonymous_id=st.sampled_from(["phone", "laptop", None]),
        plan=st.sampled_from(["pro", "free", None]),
    ),
    max_size=5,
)
LINKS = st.tuples(st.sampled_from(["phone", "laptop", "bob"]), st.sampled_from(["ana", "bob"]))
STEPS = st.lists(
    st.tuples(st.just("send"), EVENTS)
    | st.tuples(st.just("link"), LINKS)
    | st.tuples(st.sampled_from(["roll up", "follow", "rebuild", "edit"]), st.none()),
    min_size=2,
    max_size=8,
)
IDS = ("ana", "bob", "phone", "laptop")


def take_step(api: ProjectClient, definition: Definition, step: str, told: Any) -> Sequence[Seen]:
    """What it sent."""
    if step == "send":
        send(api, told)
        return list(told)
    if step == "link":
        link(api, *told)
    elif step == "roll up":
        roll_up(api.project)
    elif step == "follow":
        assert upkeep.follow(datetime.now(UTC))
    elif step == "rebuild":
        call_command("rebuild_journeys", project=api.project.slug, stdout=StringIO())
    else:
        other = {"event_name": "d"} if definition.matchers[2].event_name is None else MATCHERS["either"]
        Milestone.objects.filter(journey=definition.journey_id, key="either").update(matcher=other)
    return []


def everybody(definition: Definition) -> dict[str, Reached]:
    """Progress as the report reads it: kept and not looked at yet, by person."""
    (rows,) = times_by_identifier([definition])
    with connection.cursor() as cursor:
        cursor.execute(rows.text, rows.parameters)
        found = cursor.fetchall()
    person = families(definition.project_id, [identifier for identifier, _ in found])
    times: dict[str, list[Reached]] = {}
    for identifier, reached in found:
        times.setdefault(person[identifier], []).append(reached)
    return {one: earliest(of_one) for one, of_one in times.items()}


def by_person(definition: Definition) -> dict[str, Reached]:
    """Only what is kept."""
    ids = JourneyProgress.objects.filter(journey=definition.journey_id, definition=definition.number)
    names = list(ids.values_list("identifier", flat=True))
    person = families(definition.project_id, names)
    return {person[one.identifiers[0]]: one.reached for one in kept(definition, names)}


@pytest.mark.django_db
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_progress_is_what_one_pass_over_everything_says(steps: list[tuple[str, Any]]) -> None:
    project = make_project("shop")
    api = client_of(project)
    definition = make_journey(project, MATCHERS)
    sent: list[Seen] = []
    for step, told in steps:
        sent += take_step(api, definition, step, told)
        definition = current(Journey.objects.get(pk=definition.journey_id))
        expected = naive_times(definition, sent)
        assert everybody(definition) == expected
        for identifier in IDS:
            found = person_on(definition, identifier)
            person = families(project.pk, [identifier])[identifier]
            assert (found.reached if found else None) == expected.get(person)
    settle(project)
    assert by_person(definition) == naive_times(definition, sent)
    # From nothing it is the same again.
    JourneyProgress.objects.filter(project=project).delete()
    call_command("rebuild_journeys", project=project.slug, stdout=StringIO())
    assert by_person(definition) == naive_times(definition, sent)


@pytest.mark.django_db
@given(
    links=st.dictionaries(
        st.sampled_from("abcdefghij"), st.tuples(st.sampled_from("abcdefghij"), st.integers(0, 3)), max_size=9
    ),
    asked=st.lists(st.sampled_from("abcdefghijk"), min_size=1, max_size=4),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_family_is_everybody_who_is_the_same_person(
    links: dict[str, tuple[str, int]], asked: list[str]
) -> None:
    project = make_project("shop")
    made = {
        one: Link(user, NOW.replace(minute=minute)) for one, (user, minute) in links.items() if one != user
    }
    IdentityLink.objects.bulk_create(
        IdentityLink(project=project, identifier=one, user_id=to.user_id, linked_at=to.linked_at)
        for one, to in made.items()
    )
    persons = {person_of(one, made) for one in asked}
    known = {*asked, *made, *(to.user_id for to in made.values())}
    expected = {one: person_of(one, made) for one in known if person_of(one, made) in persons}
    assert families(project.pk, asked) == expected


@pytest.mark.django_db
def test_progress_outlives_the_events_it_was_made_of(api: ProjectClient, project: Project) -> None:
    definition = make_journey(project, MATCHERS)
    send(api, [Seen(7000, "a", "ana"), Seen(6000, "c", "ana")])
    settle(project)
    before = by_person(definition)
    with connect() as own:
        own.execute("DELETE FROM telemetry_events WHERE project_id = %s", (project.pk,))
    call_command("rebuild_journeys", stdout=StringIO())
    assert by_person(definition) == before != {}


@pytest.mark.django_db
def test_a_step_of_the_upkeep_that_fails_is_taken_again(
    api: ProjectClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = make_journey(project, MATCHERS)
    send(api, [Seen(7000, "a", "ana")])
    roll_up(project)
    assert changes.waiting()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE journey_progress RENAME TO journey_progress_away")
    assert not upkeep.catch_up(datetime.now(UTC))
    assert changes.waiting()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE journey_progress_away RENAME TO journey_progress")
    assert upkeep.catch_up(datetime.now(UTC))
    assert not changes.waiting()
    assert by_person(definition) == naive_times(definition, [Seen(7000, "a", "ana")])


@pytest.mark.django_db
def test_the_worker_does_it_by_itself(api: ProjectClient, project: Project) -> None:
    definition = make_journey(project, MATCHERS)
    send(api, [Seen(7000, "a", "ana")])
    roll_up(project)
    follow_journeys.apply().get()
    assert by_person(definition) == naive_times(definition, [Seen(7000, "a", "ana")])
    Milestone.objects.filter(journey=definition.journey_id, key="begun").update(matcher={"event_name": "d"})
    follow_journeys.apply().get()
    forget_old_journeys.apply().get()
    assert not JourneyProgress.objects.filter(project=project).exists()


@pytest.mark.django_db
def test_progress_of_old_matchers_and_deleted_journeys_goes(api: ProjectClient, project: Project) -> None:
    kept_one, edited, deleted = (
        make_journey(project, MATCHERS, slug) for slug in ("kept", "edited", "deleted")
    )
    send(api, [Seen(7000, "a", "ana"), Seen(7000, "a", "bob"), Seen(6000, "c", "ana")])
    settle(project)
    Journey.objects.get(pk=deleted.journey_id).delete()
    Milestone.objects.filter(journey=edited.journey_id).update(matcher={"event_name": "d"})
    settle(project)
    assert forgetting.forget(10) == 2 + 2 + 1
    left = JourneyProgress.objects.filter(project=project)
    assert set(left.values_list("journey", flat=True)) == {kept_one.journey_id}
    counted = JourneyCompletion.objects.filter(project=project)
    assert set(counted.values_list("journey", flat=True)) == {kept_one.journey_id, edited.journey_id}


@pytest.mark.django_db(transaction=True)
def test_clients_roll_ups_and_upkeep_at_once_lose_nothing() -> None:
    project = make_project("shop")
    definition = make_journey(project, MATCHERS)
    sent = [
        Seen(600.0 * number + second, name, f"user-{number}-{second}")
        for number in range(6)
        for second in range(5)
        for name in ("a", "c")
    ]
    is_sent = threading.Event()

    def sending(some: Sequence[Seen]) -> None:
        own_api = client_of(project)
        for event in some:
            send(own_api, [event])
        connections.close_all()

    def following() -> None:
        deadline = time.monotonic() + 60
        while not is_sent.is_set() and time.monotonic() < deadline:
            # Each finds the other at work now and then, and leaves.
            engine.advance(changes.event_rollup(), datetime.now(UTC), lambda: [project.pk])
            engine.recompute(changes.event_rollup())
            upkeep.follow(datetime.now(UTC))
        connections.close_all()

    with ThreadPoolExecutor(6) as threads:
        loops = [threads.submit(following) for _ in range(2)]
        clients = [threads.submit(sending, sent[number::3]) for number in range(3)]
        while not all(client.done() for client in clients):
            assert everybody(definition).keys() <= naive_times(definition, sent).keys()
        is_sent.set()
        for one in (*loops, *clients):
            one.result(timeout=60)
    assert everybody(definition) == naive_times(definition, sent)
    settle(project)
    assert by_person(definition) == naive_times(definition, sent)

"""Ids that were said to be the same person are read as one."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events import identities, persons
from events.identities import MAX_STEPS, Link, person_of, persons_of
from events.models import IdentityLink
from projects.models import Project
from tests.admin import superuser_client
from tests.clients import ProjectClient

EVENTS = "/api/v1/events"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def link(project: Project, identifier: str, user_id: str, minutes: int = 0) -> None:
    IdentityLink.objects.create(
        project=project, identifier=identifier, user_id=user_id, linked_at=NOON + timedelta(minutes=minutes)
    )


def segment(api: ProjectClient, kind: str, **members: Any) -> dict[str, Any]:
    answer = api.post(f"/v1/{kind}", members)
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def links(project: Project) -> dict[str, str]:
    rows = IdentityLink.objects.filter(project=project)
    return dict(rows.values_list("identifier", "user_id"))


def names(api: ProjectClient, person: str) -> list[str]:
    return [row["event_name"] for row in api.results(f"{EVENTS}/?person={person}")]


CHAINS: list[tuple[str, dict[str, tuple[str, int]], dict[str, str]]] = [
    ("nobody is linked", {}, {"a": "a"}),
    ("one step", {"a": ("ana", 0)}, {"a": "ana", "ana": "ana"}),
    ("two steps", {"a": ("mail", 0), "mail": ("ana", 1)}, {"a": "ana", "mail": "ana"}),
    ("a circle of two", {"a": ("b", 0), "b": ("a", 1)}, {"a": "b", "b": "b"}),
    ("a circle of two, made at once", {"a": ("b", 0), "b": ("a", 0)}, {"a": "b", "b": "b"}),
    ("a circle behind a step", {"x": ("a", 5), "a": ("b", 2), "b": ("a", 1)}, {"x": "a", "a": "a", "b": "a"}),
]


@pytest.mark.parametrize(
    ("told", "persons"), [chain[1:] for chain in CHAINS], ids=[chain[0] for chain in CHAINS]
)
def test_a_person_is_at_the_end_of_the_links(
    told: dict[str, tuple[str, int]], persons: dict[str, str]
) -> None:
    made = {one: Link(user, NOON + timedelta(minutes=minutes)) for one, (user, minutes) in told.items()}
    assert {one: person_of(one, made) for one in persons} == persons


def test_a_chain_is_followed_for_so_many_steps_and_no_further() -> None:
    made = {f"id-{number}": Link(f"id-{number + 1}", NOON) for number in range(50)}
    assert person_of("id-0", made) == f"id-{MAX_STEPS}"


IDS = st.sampled_from("abcdefghijklmnopq\u00e9Z")
LINKS = st.dictionaries(IDS, st.tuples(IDS, st.integers(0, 3)), max_size=17)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=LINKS)
def test_sql_and_the_step_by_step_reading_say_the_same_person(project: Project, told: dict[str, Any]) -> None:
    told = {one: (user, minutes) for one, (user, minutes) in told.items() if one != user}
    IdentityLink.objects.filter(project=project).delete()
    for one, (user, minutes) in told.items():
        link(project, one, user, minutes)
    made = {one: Link(user, NOON + timedelta(minutes=minutes)) for one, (user, minutes) in told.items()}
    with connection.cursor() as cursor:
        cursor.execute(persons_of("%(project_id)s"), {"project_id": project.pk})
        in_sql = dict(cursor.fetchall())
        some = list("abcd")
        cursor.execute(
            persons_of("%(project_id)s", "link.identifier = ANY(%(some)s)"),
            {"project_id": project.pk, "some": some},
        )
        of_some = dict(cursor.fetchall())
    expected = {one: person_of(one, made) for one in told}
    assert in_sql == expected
    assert of_some == {one: person for one, person in expected.items() if one in some}
    assert {one: persons.person(project.pk, one) for one in told} == expected


def test_an_identify_links_the_anonymous_id_to_the_user(api: ProjectClient) -> None:
    segment(api, "track", anonymousId="device", event="visited")
    segment(api, "identify", anonymousId="device", userId="ana")
    segment(api, "track", userId="ana", event="paid")
    segment(api, "track", userId="bob", event="looked")
    assert links(api.project) == {"device": "ana"}
    for one in ("ana", "device"):
        assert names(api, one) == ["paid", "identify", "visited"]
    assert names(api, "bob") == ["looked"]
    assert names(api, "nobody") == []


def test_the_first_link_of_a_shared_device_wins(api: ProjectClient) -> None:
    segment(api, "identify", anonymousId="device", userId="ana")
    segment(api, "identify", anonymousId="device", userId="bob")
    segment(api, "track", anonymousId="device", event="looked")
    segment(api, "track", anonymousId="device", userId="bob", event="paid")
    assert links(api.project) == {"device": "ana"}
    assert names(api, "ana") == ["looked", "identify"]
    assert names(api, "bob") == ["paid", "identify"]


def test_an_alias_of_an_alias_leads_to_the_last_id(api: ProjectClient) -> None:
    for previous, user in (("device", "mail"), ("mail", "4711"), ("old-device", "mail")):
        segment(api, "alias", previousId=previous, userId=user)
    for one in ("device", "old-device", "mail"):
        segment(api, "track", userId=one, event=f"from {one}")
    assert len(names(api, "4711")) == len(names(api, "device")) == 6


def test_an_alias_in_a_circle_is_no_endless_way(api: ProjectClient) -> None:
    segment(api, "alias", previousId="a", userId="b")
    segment(api, "alias", previousId="b", userId="a")
    segment(api, "alias", previousId="a", userId="a")
    assert sorted(names(api, "a")) == sorted(names(api, "b")) == ["alias", "alias", "alias"]


def test_links_are_counted_nowhere_and_repeating_one_is_no_error(api: ProjectClient) -> None:
    for forget in (False, True):
        if forget:
            identities.forget_known()
        call = {"type": "identify", "anonymousId": "device", "userId": "ana"}
        answer = api.post("/v1/batch", {"batch": [call] * 3})
        assert answer.json() == {"success": True}
    assert len(api.results(EVENTS)) == 6
    assert links(api.project) == {"device": "ana"}


def test_a_link_that_was_refused_for_its_idempotency_key_is_made_by_the_next_call(api: ProjectClient) -> None:
    def identify(device: str, **headers: str) -> int:
        call = {"anonymousId": device, "userId": "ana"}
        return int(api.post("/v1/identify", call, **headers).status_code)

    assert identify("phone", HTTP_IDEMPOTENCY_KEY="k1") == 200
    assert identify("ghost", HTTP_IDEMPOTENCY_KEY="k1") == 422
    assert links(api.project) == {"phone": "ana"}
    assert identify("ghost") == 200
    assert links(api.project) == {"phone": "ana", "ghost": "ana"}


def test_a_rejected_call_links_nothing(api: ProjectClient) -> None:
    for wrong in ({"timestamp": "2001-01-01T00:00:00Z"}, {"traits": {"a": "b\0"}}):
        assert segment(api, "identify", anonymousId="device", userId="ana", **wrong)["rejected"] == 1
    assert links(api.project) == {}


def test_events_that_name_two_ids_link_nothing(api: ProjectClient) -> None:
    segment(api, "track", anonymousId="device", userId="ana", event="paid")
    api.post(EVENTS, {"event_name": "native", "anonymous_id": "device", "user_id": "ana"})
    assert links(api.project) == {}


def test_another_projects_links_mean_nothing_here(api: ProjectClient, other_api: ProjectClient) -> None:
    segment(api, "identify", anonymousId="device", userId="ana")
    segment(other_api, "identify", anonymousId="device", userId="bob")
    assert names(other_api, "ana") == []
    assert names(other_api, "device") == ["identify"]


def test_a_person_filters_together_with_the_rest(api: ProjectClient) -> None:
    segment(api, "identify", anonymousId="device", userId="ana")
    segment(api, "track", anonymousId="device", event="looked")
    assert len(api.results(f"{EVENTS}/?person=ana&event_name=looked")) == 1
    assert api.get(f"{EVENTS}/?person=%00").status_code == 400


def test_a_person_is_found_with_few_queries_however_long_the_chain(project: Project) -> None:
    for number in range(50):
        link(project, f"id-{number}", f"id-{number + 1}")
    with CaptureQueriesContext(connection) as queries:
        persons.ids_of_person(project.pk, "id-0")
    assert len(queries) <= 2 * MAX_STEPS + 1


def test_the_page_of_an_event_names_the_person_where_its_own_ids_do_not(api: ProjectClient) -> None:
    segment(api, "identify", anonymousId="device", userId="ana")
    segment(api, "track", anonymousId="device", event="looked", messageId="1")
    segment(api, "track", userId="ana", event="paid", messageId="2")

    def person_on_page(identifier: str) -> str:
        page = (
            superuser_client()
            .get(f"/admin/events/event/{identifier}/change/?project={api.project.pk}")
            .content.decode()
        )
        words = re.sub("<[^>]+>", " ", page).split()
        return words[words.index("Person") + 1]

    assert person_on_page("1") == "ana"
    assert person_on_page("2") == "-"


@pytest.mark.django_db(transaction=True)
def test_many_at_once_that_say_different_things_leave_one_link(api: ProjectClient) -> None:
    def say(user: str) -> None:
        client = ProjectClient(api.key, api.project)
        segment(client, "identify", anonymousId="device", userId=user)

    threads = [threading.Thread(target=say, args=(f"user-{number}",)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(links(api.project)) == 1
    assert len(api.results(EVENTS)) == 10

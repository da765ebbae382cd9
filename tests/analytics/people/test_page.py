"""A person's page: sessions, their events, traces, and journeys."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.people.timeline import MAX_EVENTS, read, sessions_in
from analytics.sessions.question import Question
from analytics.sessions.roads import read as read_sessions
from projects.models import Project
from tests.admin import member_client, superuser_client
from tests.analytics.funnels.test_random import EVENT, send
from tests.analytics.funnels.test_random import MOMENT as SENT_AT
from tests.analytics.sessions.test_sessions import MOMENT, post
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db


def url(project: Project, person: str = "ana", **parameters: Any) -> str:
    given = {"project": project.pk, **parameters}
    return f"{reverse('explore_person', args=[person])}?{urlencode(given)}"


def panel(client: Client, project: Project, name: str = "timeline", person: str = "ana", **more: Any) -> str:
    answer = client.get(url(project, person, panel=name, **more))
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_a_person_s_events_stand_in_their_sessions_and_lead_to_traces(
    api: ProjectClient, project: Project
) -> None:
    post(
        api,
        {"at": 0, "event_name": "opened", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"},
        {"at": 20, "event_name": "<b>paid</b>", "severity": "error"},
        {"at": 60, "event_name": "read", "session_id": "s"},
        {"at": 61, "event_name": "came back", "user_id": None, "anonymous_id": "phone"},
        {"at": 62, "user_id": "bo", "event_name": "of bo"},
    )
    api.post("/v1/identify", {"anonymousId": "phone", "userId": "ana"})
    client = superuser_client()
    html = panel(client, project)
    shown = words(html)
    # `identify` is an event, too, and a session of now.
    assert "4 sessions, 5 events" in shown
    assert "&lt;b&gt;paid&lt;/b&gt; error" in shown
    assert "of bo" not in shown
    assert "came back" in shown
    assert "/traces/4bf92f3577b34da6a3ce929d0e0e4736/" in html
    assert "phone" in client.get(url(project)).content.decode()
    assert "came back" in words(panel(client, project, person="phone"))


def test_a_person_s_journeys_stand_above(api: ProjectClient, project: Project) -> None:
    post(
        api,
        {"at": 0, "event_name": "user_signed_up"},
        {"at": 4, "event_name": "first_project_created"},
    )
    client = superuser_client()
    shown = words(panel(client, project, "journeys"))
    assert re.search(r"Time to first value has waited .+ for First agent", shown)
    assert "First project" in shown
    assert "after 4 min" in shown
    assert words(panel(client, project, "journeys", person="nobody")) == ""
    assert member_client(project, "events.event").get(url(project, panel="journeys")).status_code == 404


def test_older_events_are_a_page_away_and_none_is_lost(api: ProjectClient, project: Project) -> None:
    count = MAX_EVENTS + 40
    post(api, *[{"at": number / 60_000, "event_name": f"e{number:03}"} for number in range(count)])
    client = superuser_client()
    first = panel(client, project, range="24h")
    older = re.search(r'href="(\?[^"]*)">Older sessions', first)
    assert older
    path = reverse("explore_person", args=["ana"])
    second = client.get(f"{path}{older[1].replace('&amp;', '&')}&panel=timeline").content.decode()
    seen = re.findall(r">(e\d{3})<", first) + re.findall(r">(e\d{3})<", second)
    assert sorted(seen) == [f"e{number:03}" for number in range(count)]
    assert "may have begun earlier" in first


def test_more_events_in_one_millisecond_than_fit_do_not_hold_up_the_page(
    api: ProjectClient, project: Project
) -> None:
    post(api, {"at": -1, "event_name": "before"}, *[{"at": 0}] * (MAX_EVENTS + 5))
    found = read(project.pk, ["ana"], MOMENT - timedelta(hours=1), MOMENT + timedelta(hours=1))
    assert len(found.events) == MAX_EVENTS + 1
    assert found.read_back_to == MOMENT
    rest = read(project.pk, ["ana"], MOMENT - timedelta(hours=1), found.read_back_to)
    assert [event.event_name for event in rest.events] == ["before"]


@pytest.mark.parametrize("person", ["a/b", "né e", "x" * 999, "a\nb", "'; drop", "?"])
def test_any_id_has_a_page(project: Project, person: str) -> None:
    client = superuser_client()
    assert client.get(url(project, person)).status_code == 200
    assert "Nothing of this person" in panel(client, project, person=person)


def test_who_may_not_see_the_project_sees_nobody_of_it(project: Project, other_project: Project) -> None:
    client = member_client(project, "events.event")
    assert client.get(url(other_project)).status_code == 404
    assert client.get(url(project, "x" * 2000)).status_code == 404
    assert member_client(project).get(url(project)).status_code == 403


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=st.lists(EVENT, min_size=1, max_size=16), minutes=st.integers(1, 4))
def test_the_timeline_s_sessions_are_those_of_the_api(
    db: None, sent: list[dict[str, Any]], minutes: int
) -> None:
    project, gap = make_project("timeline"), timedelta(minutes=minutes)
    send(client_of(project), sent)
    end = SENT_AT + timedelta(hours=1)
    shown = sessions_in(read(project.pk, ["ana"], SENT_AT, end).events, gap)
    counted = read_sessions(Question(project_id=project.pk, gap=gap, start=SENT_AT, end=end)).page
    assert sorted((one.session_id, one.started_at, one.ended_at, len(one.events)) for one in shown) == sorted(
        (one.session, one.started_at, one.ended_at, one.event_count) for one in counted if one.unit == "ana"
    )

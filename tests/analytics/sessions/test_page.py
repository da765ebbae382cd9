"""The page "Sessions"."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.sessions.answers import DURATIONS_SECONDS
from analytics.sessions.question import Question
from analytics.sessions.roads import read
from projects.models import Project
from storage.rollups.windows import Window
from tests.admin import member_client, superuser_client
from tests.analytics import naive
from tests.analytics.funnels.test_random import EVENT, send
from tests.analytics.funnels.test_random import MOMENT as SENT_AT
from tests.analytics.sessions.test_sessions import post
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db


def url(project: Project, **parameters: Any) -> str:
    return f"{reverse('explore_sessions')}?{urlencode({'project': project.pk, **parameters})}"


def panel(client: Client, project: Project, name: str = "sessions", **parameters: Any) -> str:
    answer = client.get(url(project, panel=name, **parameters))
    assert answer.status_code == 200, answer.content
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_sessions_are_counted_drawn_and_listed(api: ProjectClient, project: Project) -> None:
    page = {"event_type": "page", "event_name": "page", "source": "web"}
    post(
        api,
        {"at": 0, **page, "properties": {"path": "/<home>"}},
        {"at": 10, **page, "properties": {"path": "/pay"}},
        {"at": 100},
        {"at": 5, "user_id": "bo", "session_id": "s"},
    )
    client = superuser_client()
    words = panel(client, project)
    assert "Sessions 3" in words
    assert "People 2" in words
    assert "Median duration 0 s" in words
    assert "10 min to 30 min 1" in words
    assert "10 min 2 2 /&lt;home&gt; /pay web" in words
    html = client.get(url(project, panel="sessions")).content.decode()
    assert reverse("explore_person", args=["bo"]) in html
    assert "session_id=s" in html
    assert "0 active now" in panel(client, project, "active")
    assert "Sessions 4" in panel(client, project, gap_minutes=9)
    rows = json.loads(client.get(url(project, export="json")).getvalue())
    assert [row["unit"] for row in rows] == ["ana", "bo", "ana"]


def test_pages_and_events_that_are_named_by_blanks_leave_no_hole_in_the_list(
    api: ProjectClient, project: Project
) -> None:
    post(
        api,
        {"at": 0, "event_name": "opened", "properties": {"path": "", "url": "/home"}},
        {"at": 1, "event_name": "closed", "properties": {"path": " \n"}},
        {"at": 100, "event_name": "\t "},
    )
    words = panel(superuser_client(), project)
    assert "1 min 2 0 /home /home -" in words
    assert "0 s 1 0 (blank) (blank) -" in words


def test_older_sessions_are_a_page_away(api: ProjectClient, project: Project) -> None:
    post(api, *[{"at": number, "user_id": f"u{number:02}"} for number in range(60)])
    client = superuser_client()
    html = client.get(url(project, panel="sessions")).content.decode()
    following = re.search(r'href="(\?[^"]*cursor=[^"]*)" rel="next"', html)
    assert following
    second = client.get(f"{reverse('explore_sessions')}{following[1].replace('&amp;', '&')}&panel=sessions")
    assert re.findall(r">(u\d\d)<", second.content.decode()) == [
        f"u{number:02}" for number in range(9, -1, -1)
    ]
    assert "Newest</a>" in second.content.decode()


def test_a_time_without_sessions_says_what_makes_them(project: Project) -> None:
    assert "No sessions in this time" in panel(superuser_client(), project)


@pytest.mark.parametrize("query", ["unit=colour", "gap_minutes=nan", "gap_minutes=x", "cursor=abc"])
def test_what_makes_no_sense_is_said_in_words(project: Project, query: str) -> None:
    client = superuser_client()
    for name in ("active", "sessions"):
        answer = client.get(f"{url(project)}&panel={name}&{query}")
        assert answer.status_code == 200
        assert 'role="alert"' in answer.content.decode()
    assert client.get(f"{url(project)}&{query}").status_code == 200
    assert client.get(f"{url(project)}&export=csv&{query}").status_code == 400


def test_the_gap_is_set_in_the_project_s_form(api: ProjectClient, project: Project) -> None:
    post(api, {"at": 0}, {"at": 20})
    client, form = superuser_client(), reverse("admin:projects_project_change", args=[project.pk])
    assert form in client.get(url(project)).content.decode()
    fields = {"name": project.name, "slug": project.slug}
    assert (
        b"less than or equal to 10080" in client.post(form, {**fields, "session_gap_minutes": 10081}).content
    )
    assert client.post(form, {**fields, "session_gap_minutes": 15}).status_code == 302
    assert "Sessions 2" in panel(client, project)


def test_another_project_is_not_there(project: Project, other_project: Project) -> None:
    client = member_client(project, "events.event")
    assert client.get(url(project)).status_code == 200
    assert client.get(url(other_project)).status_code == 404
    assert member_client(project).get(url(project)).status_code == 403


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=st.lists(EVENT, min_size=1, max_size=16), minutes=st.integers(1, 4))
def test_the_course_and_the_distribution_agree_with_plain_python(
    db: None, sent: list[dict[str, Any]], minutes: int
) -> None:
    project = make_project("course")
    stored = send(client_of(project), sent)
    window = Window(SENT_AT, SENT_AT + timedelta(minutes=10), timedelta(minutes=2))
    gap = timedelta(minutes=minutes)
    found = read(Question(project_id=project.pk, gap=gap, unit="tenant_id"), window)
    sessions = [
        one
        for events in naive.by_unit(stored, "tenant_id").values()
        for one in naive.sessions_of(events, gap)
    ]
    begun = [(one[0]["timestamp"] - SENT_AT) // window.interval for one in sessions]
    assert [bucket.session_count for bucket in found.buckets] == [begun.count(number) for number in range(5)]
    seconds = [(one[-1]["timestamp"] - one[0]["timestamp"]).total_seconds() for one in sessions]
    assert list(found.durations) == [
        sum(low <= one < high for one in seconds)
        for low, high in zip(DURATIONS_SECONDS, [*DURATIONS_SECONDS[1:], float("inf")], strict=True)
    ]

"""The pages of journeys, and the API's list of people who wait."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from alerting.models import Rule
from alerting.ttf_rules import TTF_RULES
from analytics.models.journeys import Journey
from projects.models import Project
from tests.admin import member_client, superuser_client
from tests.analytics.journeys.scene import TTF_EVENTS, Seen, make_journey, send, settle, ttf_events
from tests.clients import ProjectClient, counts

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert('ana')</script>"


def url(project: Project, slug: str = "ttf", **parameters: str) -> str:
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return f"{reverse('explore_journey', args=[slug])}?project={project.pk}&{query}"


def panel(client: Client, project: Project, name: str, slug: str = "ttf", **parameters: str) -> str:
    answer = client.get(url(project, slug, panel=name, **parameters))
    assert answer.status_code == 200, answer.content
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def people_on_the_way(api: ProjectClient) -> None:
    """ana has arrived, bo is at the agent, cid has only signed up, and somebody with a hostile name is gone."""
    send(api, ttf_events("ana", [4, 24, 34, 64]))
    send(api, ttf_events("bo", [5], started_ago=100))
    send(api, [Seen(60 * 200, TTF_EVENTS[0], "cid", plan="pro")])
    send(api, [Seen(86_400 * 2, TTF_EVENTS[0], HOSTILE)])


def test_a_journey_shows_how_many_arrive_how_long_it_takes_and_who_is_stuck(
    api: ProjectClient, project: Project
) -> None:
    people_on_the_way(api)
    settle(project)
    client = superuser_client()
    page = client.get(url(project)).content.decode()
    assert "Time to first value" in page
    assert "Add the usual alerts" in page
    report = panel(client, project, "report")
    assert "Began 4 people" in report
    assert "Completed 25 % 1 of them" in report
    assert (
        "Efficiency: for each stage reached, its weight x min(1, target minutes / actual minutes)" in report
    )
    assert "First agent 1 25 % 0 % 20 min 10 min over target 1" in report
    assert "target 1 h 1 h to 1.25 h 1" in report
    waiting = panel(client, project, "waiting")
    assert re.search(
        r"cid First project .* yes bo First agent .* yes .*alert.* First project .* no longer", waiting
    )
    assert "<script>alert('ana')" not in client.get(url(project, panel="waiting")).content.decode()
    assert "cid" not in panel(client, project, "waiting", waits_for="agent")
    assert "pro 1 0 %" in panel(client, project, "report", segment="properties.plan")


def test_all_journeys_of_a_project_are_listed_with_their_figures(
    api: ProjectClient, project: Project, other_project: Project
) -> None:
    make_journey(project, {"seen": {"event_name": "visited"}, "bought": {"event_name": "bought"}})
    make_journey(other_project, {"a": {"event_name": "a"}, "b": {"event_name": "b"}}, "secret")
    people_on_the_way(api)
    settle(project)
    client = member_client(project, "analytics.journey")
    listed = client.get(f"{reverse('explore_journeys')}?panel=journeys").content.decode()
    words = " ".join(re.sub(r"<[^>]+>", " ", listed).split())
    assert "buying 0 0 - - - 10 min" in words
    assert "4 1 25 %" in words
    assert "secret" not in words
    rows = json.loads(client.get(f"{reverse('explore_journeys')}?export=json").getvalue())
    assert {row["slug"]: row["people"] for row in rows} == {"buying": 0, "ttf": 4}


def test_a_journey_of_nobody_says_how_to_begin_one(project: Project) -> None:
    assert "user_signed_up" in panel(superuser_client(), project, "report")
    matcher = {"event_name": 'it\'s a "name"'}
    make_journey(project, {"a": matcher, "b": {"event_name": "b"}})
    assert "it&#x27;\\&#x27;&#x27;s a" in panel(superuser_client(), project, "report", "buying")


def test_the_event_that_begins_a_journey_is_accepted_whatever_columns_are_asked_for(
    api: ProjectClient, project: Project
) -> None:
    filters = {"duration_ms": 250, "trace_id": "", "user_id": ""}
    make_journey(project, {"a": {"event_name": "a", "filters": filters}, "b": {"event_name": "b"}})
    page = superuser_client().get(url(project, "buying", panel="report")).content.decode()
    command = unescape(page.split('id="journey-command"', 1)[1].split(">", 1)[1].split("</pre>", 1)[0])
    words = shlex.split(command.replace("\\\n", ""))
    body = json.loads(words[words.index("-d") + 1])
    assert body == {"event_name": "a", "anonymous_id": "ana", "duration_ms": 250}
    assert counts(api.post(urlsplit(words[1]).path, body)) == (1, 0, 0)


@pytest.mark.parametrize(
    ("of", "rows"), [("stages", 5), ("weeks", None), ("segments", 2), ("distribution", 10), ("waiting", 3)]
)
def test_each_table_of_a_journey_is_exported(
    api: ProjectClient, project: Project, of: str, rows: int | None
) -> None:
    people_on_the_way(api)
    answer = superuser_client().get(url(project, export="csv", of=of, segment="properties.plan"))
    found = list(csv.reader(io.StringIO(answer.getvalue().decode())))
    assert rows is None or len(found) == rows + 1
    assert len({len(row) for row in found}) == 1


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"segment": "colour"}, "is not one of"),
        ({"waits_for": "moon"}, "has no milestone"),
    ],
)
def test_what_can_not_be_shown_is_said_in_words(
    project: Project, parameters: dict[str, str], words: str
) -> None:
    name = "waiting" if "waits_for" in parameters else "report"
    assert words in panel(superuser_client(), project, name, **parameters)


def test_another_project_s_journey_is_not_there(project: Project, other_project: Project) -> None:
    make_journey(other_project, {"a": {"event_name": "a"}, "b": {"event_name": "b"}}, "secret")
    client = member_client(project, "analytics.journey")
    assert client.get(url(project, "secret")).status_code == 404
    assert client.get(url(other_project, "secret")).status_code == 404
    assert superuser_client().get(url(project, export="csv", of="nothing")).status_code == 404


def test_a_journey_that_can_not_be_followed_says_why(project: Project) -> None:
    Journey.objects.create(project=project, slug="empty", name="Empty")
    page = superuser_client().get(url(project, "empty")).content.decode()
    assert "can&#x27;t be followed: A journey has 2 to 20 milestones, not 0." in page


def test_the_usual_alerts_are_added_once_by_who_may_add_rules(
    project: Project, other_project: Project
) -> None:
    client, add = member_client(project, "analytics.journey"), reverse("add_ttf_rules")
    assert "Add the usual alerts" not in client.get(url(project)).content.decode()
    assert client.post(add, {"project": project.pk}).status_code == 403
    user = User.objects.get(pk=client.session["_auth_user_id"])
    user.user_permissions.add(Permission.objects.get(codename="add_rule"))
    assert "Add the usual alerts" in client.get(url(project)).content.decode()
    for words in ("Added: ", "rules are there already: "):
        told = client.post(add, {"project": project.pk}, follow=True).content.decode()
        assert words in told
        rules = Rule.objects.filter(project=project)
        assert sorted(rule.name for rule in rules) == sorted(rule["name"] for rule in TTF_RULES)
        for rule in rules:
            assert f'href="/admin/alerting/rule/{rule.pk}/change/">{rule.name}</a>' in told
    for unseen in (other_project.pk, "", "x", "9" * 30):
        assert client.post(add, {"project": unseen}).status_code == 404
    assert not Rule.objects.filter(project=other_project).exists()
    assert client.get(add).status_code == 405


def test_adding_the_usual_alerts_leads_back_to_what_was_shown(project: Project) -> None:
    client, shown = superuser_client(), {"range": "7d", "waits_for": "agent", "segment": "tenant_id"}
    page = client.get(url(project, **shown)).content.decode()
    form = page.split(f'action="{reverse("add_ttf_rules")}"', 1)[1].split("</form>", 1)[0]
    sent = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
    back = client.post(reverse("add_ttf_rules"), sent).headers["Location"]
    assert parse_qs(urlsplit(back).query) == {"project": [str(project.pk)]} | {
        name: [value] for name, value in shown.items()
    }


def test_people_who_wait_are_listed_by_the_api(api: ProjectClient, project: Project) -> None:
    people_on_the_way(api)
    path = "/api/v1/analytics/journeys/ttf/waiting/"
    answer = api.get(path).json()
    assert [(one["user_id"], one["waits_for"], one["is_followed"]) for one in answer["results"]] == [
        ("cid", "project", True),
        ("bo", "agent", True),
        (HOSTILE, "project", False),
    ]
    minutes = answer["results"][0]["waiting_minutes"]
    since = datetime.now(UTC) - Seen(60 * 200, "").at
    assert minutes == pytest.approx(since / timedelta(minutes=1), abs=1)
    cut = api.get(f"{path}?page_size=1&waits_for=agent").json()
    assert [one["user_id"] for one in cut["results"]] == ["bo"]
    assert (cut["results_truncated"], api.get(f"{path}?page_size=1").json()["results_truncated"]) == (
        False,
        True,
    )
    for query in ("waits_for=moon", "colour=1", "page_size=0", "start=2026-02-01&end=2026-01-01"):
        assert api.get(f"{path}?{query}").status_code == 400
    assert api.get("/api/v1/analytics/journeys/moon/waiting/").status_code == 404

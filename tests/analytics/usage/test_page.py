"""The page "Usage" and the form of features."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from analytics.models.features import Feature
from projects.models import Project
from tests.admin import member_client, superuser_client
from tests.analytics.usage.scene import MONDAY, roll_up, seen, send, weeks
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db
PAGE = "/admin/explore/usage/"
FORM = "/admin/analytics/feature"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def shop(api: ProjectClient) -> ProjectClient:
    """Three weeks: ana comes back, bo comes once, cy comes in the second week and shares."""
    send(
        api,
        [
            seen(0, "ana"),
            seen(1, "bo"),
            seen(7, "ana"),
            seen(8, "cy", "shared", tenant_id=SCRIPT),
            seen(15, "ana"),
        ],
    )
    roll_up(api)
    Feature.objects.create(
        project=api.project, slug="sharing", name=f"Sharing {SCRIPT}", matcher={"event_name": "shared"}
    )
    return api


def url(api: ProjectClient, **query: Any) -> str:
    return f"{PAGE}?{urlencode({'project': api.project.pk, **weeks(3), **query})}"


def panel(client: Client, api: ProjectClient, name: str, **query: Any) -> str:
    answer = client.get(url(api, view=name if name != "feature" else "features", panel=name, **query))
    assert answer.status_code == 200
    return (
        unescape(answer.content.decode())
        if SCRIPT not in answer.content.decode()
        else pytest.fail("unescaped")
    )


def test_each_view_shows_its_numbers(shop: ProjectClient) -> None:
    client = superuser_client()
    assert "Stickiness" in panel(client, shop, "active")
    heat = panel(client, shop, "retention")
    assert re.search(r'title="1 of 2"><a [^>]*>50 %', heat)
    assert re.search(r'title="1 of 2"><a [^>]*>1<', panel(client, shop, "retention", show="people"))
    lifecycle = panel(client, shop, "lifecycle")
    assert "Resurrecting" in lifecycle
    assert lifecycle.count("<table") == 1
    features = panel(client, shop, "features")
    assert "33.3 %" in features
    feature = panel(client, shop, "feature", feature="sharing", segment="tenant_id")
    assert "1 of 3 active people" in feature
    assert SCRIPT in feature
    assert "shared" in panel(client, shop, "names")


@pytest.mark.parametrize(
    ("query", "name", "rows"),
    [
        ({"view": "active"}, "active-people", 21),
        ({"view": "retention"}, "retention", 6),
        ({"view": "lifecycle"}, "lifecycle", 3),
        ({"view": "features"}, "adoption", 3),
        ({"view": "features", "feature": "sharing"}, "adoption-sharing", 3),
        ({"view": "features", "feature": "sharing", "segment": "tenant_id"}, "adoption-sharing", 2),
    ],
    ids=["active", "retention", "lifecycle", "features", "feature", "segments"],
)
def test_what_a_view_shows_is_exported(
    shop: ProjectClient, query: dict[str, str], name: str, rows: int
) -> None:
    client = superuser_client()
    answer = client.get(url(shop, export="json", **query))
    assert f'filename="{name}-' in answer["Content-Disposition"]
    assert len(json.loads(answer.getvalue())) == rows
    csv = client.get(url(shop, export="csv", **query)).getvalue()
    assert len(csv.splitlines()) == rows + 1


def linked(text: str, within: str) -> str:
    """Where the first link in the element that begins like this leads."""
    return unescape(text.split(within, 1)[1].split('href="', 1)[1].split('"', 1)[0])


def test_a_number_of_the_retention_table_leads_to_its_people(shop: ProjectClient) -> None:
    client = superuser_client()
    page = PAGE + linked(panel(client, shop, "retention"), 'title="1 of 2"')
    assert "panel=people" in client.get(page).content.decode()
    people = client.get(page.replace("#panel-people", "&panel=people")).content.decode()
    assert f"1 person who began in the week of {MONDAY:%Y-%m-%d} and came back in week 1" in people
    assert "/people/ana/?" in people
    exported = client.get(PAGE + linked(people, '<span class="page-exports">').replace("=csv", "=json"))
    assert json.loads(exported.getvalue()) == [{"user_id": "ana"}]
    call = unescape(people).split("curl '", 1)[1].split("'", 1)[0]
    answer = shop.get("/api/v1/" + call.split("/api/v1/", 1)[1]).json()
    assert answer["results"] == [{"user_id": "ana"}]


def test_people_of_a_large_cohort_come_in_pages(shop: ProjectClient) -> None:
    send(shop, [seen(0, f"{number:02} {SCRIPT}") for number in range(60)])
    client, asked = superuser_client(), {"view": "retention", "cohort": MONDAY.isoformat()}
    first = client.get(url(shop, panel="people", **asked)).content.decode()
    assert "1 to 50 of 62" in first
    assert SCRIPT not in first
    second = client.get(url(shop, panel="people", page=2, **asked)).content.decode()
    assert "51 to 62 of 62" in second
    exported = client.get(url(shop, export="json", of="people", page=2, **asked))
    assert len(json.loads(exported.getvalue())) == 62


@pytest.mark.parametrize(
    "query", [{}, {"cohort": "x"}, {"cohort": "2026-01-01", "later": "x"}], ids=["none", "time", "number"]
)
def test_people_of_no_number_are_told_in_words(shop: ProjectClient, query: dict[str, str]) -> None:
    told = superuser_client().get(url(shop, view="retention", panel="people", **query))
    assert told.status_code == 200
    assert "page-problem" in told.content.decode()
    assert 'title="1 of 2"' in panel(superuser_client(), shop, "retention", **query)


def test_the_call_that_is_shown_answers_the_same(shop: ProjectClient) -> None:
    page = unescape(
        superuser_client().get(url(shop, view="retention", cohort_event="shared")).content.decode()
    )
    call = page.split("curl '", 1)[1].split("'", 1)[0]
    answer = shop.get("/api/v1/" + call.split("/api/v1/", 1)[1]).json()
    assert [one["people"] for one in answer["cohorts"]] == [0, 1, 0]


def test_days_are_those_of_utc_wherever_one_reads(shop: ProjectClient) -> None:
    client = superuser_client()
    client.cookies["timezone"] = "Pacific/Honolulu"
    for name in ("retention", "lifecycle"):
        assert f'<th scope="row">{MONDAY:%Y-%m-%d}' in panel(client, shop, name)


def test_the_retention_table_begins_when_anybody_came(shop: ProjectClient) -> None:
    start = (MONDAY - timedelta(weeks=4)).isoformat()
    heat = panel(superuser_client(), shop, "retention", start=start)
    assert f'<th scope="row">{MONDAY:%Y-%m-%d}' in heat
    assert f"{MONDAY - timedelta(weeks=1):%Y-%m-%d}" not in heat
    assert "older cohorts" not in heat


def test_what_no_screen_holds_is_left_to_exports(shop: ProjectClient) -> None:
    query = {"start": (MONDAY - timedelta(days=30)).isoformat(), "period": "day"}
    client = superuser_client()
    send(shop, [seen(-30, "eve")])
    roll_up(shop)
    heat = panel(client, shop, "retention", **query)
    assert "20 older cohorts are in the exports only" in heat
    exported = client.get(url(shop, view="retention", export="json", **query))
    assert len(json.loads(exported.getvalue())) == 51 * 52 / 2


@pytest.mark.parametrize("view", ["active", "retention", "lifecycle"])
def test_nobody_is_a_page_with_the_command_that_changes_it(api: ProjectClient, view: str) -> None:
    assert "Nobody in this time" in panel(superuser_client(), api, view)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"view": "lifecycle", "period": "year"}, "period:"),
        ({"view": "features", "segment": "colour"}, "segment:"),
        ({"view": "active", "start": "2001-01-01T00:00:00Z", "end": "2009-01-01T00:00:00Z"}, "at most 400"),
        ({"view": "active", "event_name": "x" * 2000}, "event_name:"),
    ],
    ids=["period", "segment", "too long", "long name"],
)
def test_what_makes_no_sense_is_told_in_words(api: ProjectClient, query: dict[str, str], told: str) -> None:
    client = superuser_client()
    page = client.get(url(api, **query))
    assert page.status_code == 200
    assert told in page.content.decode()
    part = client.get(url(api, **{**query, "panel": query["view"]}))
    assert told in part.content.decode()


def test_a_feature_that_is_gone_is_told_in_words(api: ProjectClient) -> None:
    assert "no such feature" in panel(superuser_client(), api, "feature", feature="gone")
    assert superuser_client().get(url(api, view="features", feature="gone", export="csv")).status_code == 400


def test_members_see_their_project_alone(shop: ProjectClient, other_project: Project) -> None:
    client = member_client(other_project, "events.event")
    assert client.get(url(shop)).status_code == 404
    assert member_client(other_project).get(PAGE).status_code == 403


def test_a_feature_is_defined_on_a_form(project: Project) -> None:
    client = superuser_client()
    data = {"project": project.pk, "name": "Sharing", "slug": "sharing", "window_days": 7}
    refused = client.post(f"{FORM}/add/", {**data, "matcher": '{"event": "shared"}'})
    assert "event: Unknown key." in refused.content.decode()
    answer = client.post(f"{FORM}/add/", {**data, "matcher": '{"event_name": "shared"}'})
    assert answer.status_code == 302, answer.content
    assert answer.headers["Location"] == f"{PAGE}?project={project.pk}&view=features&feature=sharing"
    feature = Feature.objects.get(project=project)
    assert feature.matcher == {"event_name": "shared"}
    listed = client.get(f"{FORM}/?project__id__exact={project.pk}").content.decode()
    assert f"{PAGE}?project={project.pk}&amp;view=features&amp;feature=sharing" in listed


def test_members_see_the_features_of_their_projects(project: Project, other_project: Project) -> None:
    for one in (project, other_project):
        Feature.objects.create(project=one, slug="f", name=f"Of {one.name}", matcher={"event_name": "x"})
    page = member_client(project, "analytics.feature").get(f"{FORM}/").content.decode()
    assert "Of shop" in page
    assert "Of bank" not in page

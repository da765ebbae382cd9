"""The matcher editor: its field in forms, what it suggests, and a matcher in words."""

from __future__ import annotations

import html
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django import forms
from django.test import Client

from analytics.matchers import in_words, parse
from analytics.matchers.suggestions import SAMPLE
from analytics.matchers.widget import MatcherEditor, MatcherField
from projects.models import Project
from tests.admin import member_client, superuser_client
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db
SUGGESTIONS = "/admin/explore/suggestions/"
HOSTILE = '</textarea><script>alert("x")</script>'


class PlainForm(forms.Form):
    matcher = MatcherField()


def errors(text: str) -> list[str]:
    return [str(error) for error in PlainForm({"matcher": text}).errors.get("matcher", [])]


def test_a_form_has_the_matcher_as_it_was_entered() -> None:
    form = PlainForm({"matcher": '{"event_name": "paid", "filters": {"tags.plan": ["a", 5]}}'})
    assert form.is_valid()
    assert form.cleaned_data["matcher"] == {"event_name": "paid", "filters": {"tags.plan": ["a", 5]}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "required"),
        ("{}", "required"),
        ("{", "Enter a valid JSON"),
        ('{"event": "paid"}', "event: Unknown key."),
        ('{"filters": {"tags.plan": {"greater": null}}}', "tags.plan is more than: Needs a value."),
        ('{"filters": {"plan": "a"}}', "plan: Is not one of"),
        (
            '{"any_of": [{"event_name": "a"}, {"filters": {"tags.a": {"not": {"one_of": ["b", null]}}}}]}',
            "Event 2, tags.a is none of: Needs a value.",
        ),
        ("[1]", "Must be an object."),
    ],
)
def test_what_is_wrong_is_told_at_the_field(text: str, message: str) -> None:
    assert message in errors(text)[0]


def test_a_hostile_matcher_is_shown_as_text() -> None:
    field = MatcherField()
    field.of_project(7)
    assert isinstance(field.widget, MatcherEditor)
    shown = field.widget.render("matcher", field.prepare_value({"event_name": HOSTILE}))
    assert "<script>" not in shown
    assert 'data-project="7"' in shown
    assert HOSTILE.replace('"', '\\"') in html.unescape(shown)


def test_a_form_without_a_matcher_is_empty() -> None:
    assert "null" not in str(PlainForm())
    assert PlainForm({"matcher": "null"}).errors


def send(api: ProjectClient, name: str, count: int = 1, days_ago: float = 0, **fields: Any) -> None:
    at = datetime.now(UTC) - timedelta(days=days_ago, minutes=5)
    batch = [
        {"event_name": name, "timestamp": (at + timedelta(milliseconds=number)).isoformat(), **fields}
        for number in range(count)
    ]
    assert api.post("/api/v1/events", {"events": batch}).json()["accepted"] == count


def suggested(client: Client, project: Project, **query: str) -> dict[str, int | None]:
    answer = client.get(f"{SUGGESTIONS}?{urlencode({'project': project.pk, **query})}")
    assert answer.status_code == 200, answer.content
    return {one["value"]: one["count"] for one in answer.json()["suggestions"]}


def test_names_are_suggested_with_the_most_frequent_first(api: ProjectClient) -> None:
    send(api, "seen", 3)
    send(api, "paid", 5, days_ago=20)
    send(api, HOSTILE)
    assert list(suggested(superuser_client(), api.project, of="names").items()) == [
        ("paid", 5),
        ("seen", 3),
        (HOSTILE, 1),
    ]


def test_fields_and_values_are_those_of_the_newest_events_of_a_name(api: ProjectClient) -> None:
    send(api, "paid", 2, tags={"plan": "gold"}, properties={"amount": 5, "": "no key"}, source="web")
    send(api, "paid", 1, tags={"plan": "tin", "beta": True})
    send(api, "seen", SAMPLE, tags={"page": "/"})
    client = superuser_client()
    found = suggested(client, api.project, of="fields", event_name="paid")
    assert list(found.items())[:3] == [("tags.plan", 3), ("properties.amount", 2), ("tags.beta", 1)]
    assert {"source", "user_id", "duration_ms"} <= found.keys()
    assert not {"tags.page", "properties.", "event_name"} & found.keys()
    assert suggested(client, api.project, of="values", event_name="paid", field="tags.plan") == {
        "gold": 2,
        "tin": 1,
    }
    assert suggested(client, api.project, of="values", event_name="paid", field="properties.amount") == {
        "5": 2
    }
    assert suggested(client, api.project, of="values", field="source") == {}


def test_a_project_without_events_suggests_its_columns_alone(project: Project) -> None:
    client = superuser_client()
    assert suggested(client, project, of="names") == {}
    assert suggested(client, project, of="values", field="source") == {}
    assert "source" in suggested(client, project, of="fields")


@pytest.mark.parametrize(
    "query", ["", "of=all", "of=values", "of=values&field=plan", "of=values&field=tags."]
)
def test_a_question_that_makes_no_sense_is_refused(project: Project, query: str) -> None:
    answer = superuser_client().get(f"{SUGGESTIONS}?project={project.pk}&{query}")
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"


def test_only_who_may_see_a_projects_events_gets_suggestions(
    project: Project, other_project: Project
) -> None:
    url = f"{SUGGESTIONS}?of=names&project="
    assert member_client(project).get(f"{url}{project.pk}").status_code == 403
    member = member_client(project, "events.event")
    assert member.get(f"{url}{project.pk}").status_code == 200
    assert member.get(f"{url}{other_project.pk}").status_code == 404
    assert Client().get(f"{url}{project.pk}").status_code == 302


@pytest.mark.parametrize(
    ("matcher", "words"),
    [
        ({"event_name": "paid"}, "paid"),
        (
            {"event_name": "paid", "filters": {"properties.amount": {"greater": 10}}},
            "paid where properties.amount is more than 10",
        ),
        (
            {"event_type": "click", "filters": {"tags.plan": ["a", 5], "source": {"exists": False}}},
            "any event where event_type is click and tags.plan is one of a, 5 and source is missing",
        ),
        ({"any_of": [{"event_name": "a"}, {"event_name": "b"}]}, "a or b"),
        ({"filters": {"tags.a": {"not": {"contains": "x"}}}}, "any event where tags.a does not contain x"),
        (
            {"filters": {"tags.a": {"not": {"contains": "x", "exists": True}}}},
            "any event where tags.a does not contain x or is missing",
        ),
    ],
)
def test_a_matcher_is_told_in_words(matcher: dict[str, Any], words: str) -> None:
    assert in_words(parse(matcher)) == words

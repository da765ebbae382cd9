"""The page "Funnels" as a person asks for it: builder, figures, people, what comes next, exports."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus, urlencode

import pytest
from django.test import Client

from projects.models import Project
from tests.admin import member_client, superuser_client
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db
FUNNELS = "/admin/explore/funnels/"
MOMENT = (datetime.now(UTC) - timedelta(hours=3)).replace(second=0, microsecond=0)
HOSTILE = "<script>alert('x')</script>"
BUYING = {"steps": [{"event_name": "seen"}, {"event_name": "added"}, {"event_name": "paid"}]}


def send(api: ProjectClient, *events: tuple[str, str, float], **more: Any) -> None:
    """Events of (user, name, minutes after MOMENT)."""
    batch = [
        {
            "event_name": name,
            "user_id": user,
            "timestamp": (MOMENT + timedelta(minutes=minutes)).isoformat(),
            **more,
        }
        for user, name, minutes in events
    ]
    assert api.post("/api/v1/events", {"events": batch}).json()["accepted"] == len(batch)


def send_buyers(api: ProjectClient) -> None:
    """Four see, two add, one of them pays; two look for help after they have added."""
    send(api, ("ana", "seen", 0), ("ana", "added", 10), ("ana", "paid", 12), tags={"plan": "gold"})
    send(api, ("bo", "seen", 1), ("bo", "added", 21), ("bo", "help", 22), tags={"plan": "tin"})
    send(api, ("cy", "seen", 2), ("dan", "seen", 3))


def get(client: Client, project: Project, question: Any = None, **query: Any) -> Any:
    given = {"project": project.pk, **query}
    if question is not None:
        given["funnel"] = question if isinstance(question, str) else json.dumps(question)
    return client.get(f"{FUNNELS}?{urlencode(given)}")


def page(client: Client, project: Project, question: Any = None, **query: Any) -> str:
    """The page or one of its panels, as text with its entities resolved."""
    answer = get(client, project, question, **query)
    assert answer.status_code == 200, answer.content[:500]
    return html.unescape(answer.content.decode())


def words(text: str) -> str:
    """What one reads: no tags, single spaces."""
    return " ".join(re.sub(r"<script.*?</script>|<[^>]+>", " ", text, flags=re.DOTALL).split())


def test_each_step_says_how_many_reached_it_and_how_many_were_lost(api: ProjectClient) -> None:
    send_buyers(api)
    said = words(page(superuser_client(), api.project, BUYING, panel="results"))
    assert "Converted 25 %" in said
    assert "People who began 4" in said
    assert "Median time in all 12 min" in said
    assert "2 lost 50 % median 15 min, mean 15 min 2 added 2 50 % 50 % of the step before" in said
    assert "1 lost 50 % median 2 min, mean 2 min 3 paid 1 25 % 50 % of the step before" in said


def test_the_time_before_the_breakdown_and_the_trend_stand_beside_it(api: ProjectClient) -> None:
    send_buyers(api)
    question = {**BUYING, "compare": True, "trend": "day", "breakdown": "tags.plan"}
    text = page(superuser_client(), api.project, question, panel="results")
    said = words(text)
    assert "Converted 25 % nobody began before" in said
    assert "gold 1 1 1 100 % 12 min" in said
    assert "none 2 0 0 0 %" in said
    assert "Conversion by day" in said
    figure = re.search(r'<script id="funnel-trend-figure"[^>]*>(.*?)</script>', text, re.DOTALL)
    assert figure
    assert 25 in json.loads(figure[1])["data"][0]["y"]


def test_people_behind_a_number_lead_to_their_events(api: ProjectClient) -> None:
    send_buyers(api)
    client = superuser_client()
    reached = page(client, api.project, BUYING, panel="people", step=2)
    assert "2 people who reached step 2, added" in words(reached)
    assert re.findall(r"person=(\w+)", reached) == ["bo", "ana"]
    lost = page(client, api.project, BUYING, panel="people", step=2, lost=1)
    assert "2 people lost before step 2, added" in words(lost)
    assert re.findall(r"person=(\w+)", lost) == ["dan", "cy"]
    shown = get(client, api.project, BUYING, export="json", step=3)
    assert [one["unit"] for one in json.loads(b"".join(shown))] == ["ana"]


def test_more_people_than_one_reads_are_exported(api: ProjectClient) -> None:
    send(api, *((f"user-{number}", "seen", number / 60) for number in range(101)))
    client, question = superuser_client(), {"steps": [{"event_name": "seen"}]}
    shown = page(client, api.project, question, panel="people", step=1)
    assert len(re.findall("person=user-", shown)) == 100
    assert "The 100 that began last" in shown
    exported = get(client, api.project, question, export="json", step=1)
    assert len(json.loads(b"".join(exported))) == 101


def test_what_comes_next_is_counted_and_can_be_added(api: ProjectClient) -> None:
    send_buyers(api)
    question = {"steps": BUYING["steps"][:2]}
    text = page(superuser_client(), api.project, question, panel="next")
    assert re.findall(r'data-adds-event="(\w+)"', text) == ["help", "paid"]
    assert "+ help 50 %" in words(text)
    links = [unquote_plus(link) for link in re.findall(r'href="(\?[^"]*)"', text)]
    assert '{"steps":[{"event_name":"seen"},{"event_name":"added"},{"event_name":"help"}]}' in links[0]


def test_the_table_is_exported_with_the_breakdown(api: ProjectClient) -> None:
    send_buyers(api)
    client = superuser_client()
    answer = get(client, api.project, {**BUYING, "breakdown": "tags.plan"}, export="csv")
    lines = b"".join(answer).decode().splitlines()
    assert lines[0].startswith("value,step,name,count,conversion_ratio")
    assert lines[3].startswith(",3,paid,1,0.25,0.5,120")
    assert len(lines) == 1 + 3 * 4


def test_the_page_names_the_call_that_answers_the_same(api: ProjectClient) -> None:
    send_buyers(api)
    text = page(superuser_client(), api.project, {**BUYING, "window_minutes": 60}, panel="results")
    body = re.search(r"-d '(.*?)'", text)
    assert body
    answer = api.post("/api/v1/analytics/funnel/", json.loads(body[1]))
    assert [step["count"] for step in answer.json()["steps"]] == [4, 2, 1]


def test_without_steps_it_offers_the_most_frequent_events(api: ProjectClient, other_project: Project) -> None:
    send_buyers(api)
    client = superuser_client()
    text = page(client, api.project, panel="results")
    assert "Where does it begin?" in text
    assert re.findall(r'data-adds-event="(\w+)"', text)[0] == "seen"
    assert "No events yet" in page(client, other_project, panel="results")


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"steps": [{"event_name": "\\ud800"}]}', "not JSON"),
        ('{"steps": [{"event_name": "\\u0000"}]}', "NUL"),
        (
            {"steps": [{"event_name": "a"}, {"filters": {"tags.x": {"greater": "a"}}}]},
            "Step 2, tags.x is more than: Must be",
        ),
        ({"steps": [{"event_name": "a"}], "exclusions": [{}]}, "Exclusion 1: Needs at least one of"),
        ({"steps": [{"event_name": "a"}] * 21}, "steps: Must be a list of 1 to 20"),
        ({"steps": "a"}, "steps: Must be a list"),
        ({"steps": 5}, "steps: Must be a list"),
        ({"steps": [{"event_name": "a"}], "window_minutes": 10**400}, "window_minutes: Must be"),
        ({"steps": [{"event_name": "a"}], "shape": 1}, "shape: Unknown key."),
    ],
    ids=[
        "broken",
        "list",
        "surrogate",
        "NUL",
        "filter",
        "exclusion",
        "many",
        "text",
        "number",
        "huge",
        "key",
    ],
)
def test_a_question_that_makes_no_sense_is_told_in_words(project: Project, question: Any, told: str) -> None:
    client = superuser_client()
    for panel in ("results", "next", "people", ""):
        answer = get(client, project, question, **({"panel": panel} if panel else {}))
        assert answer.status_code == 200
    assert told in page(client, project, question, panel="results")


@pytest.mark.parametrize("step", ["", "0", "4", "x", "9" * 5000])
def test_people_of_a_step_that_is_not_there_are_refused(project: Project, step: str) -> None:
    assert "Must be a whole number from 1 to 3" in page(
        superuser_client(), project, BUYING, panel="people", step=step
    )


def test_hostile_names_are_text_everywhere(api: ProjectClient) -> None:
    send(api, (HOSTILE, HOSTILE, 0), (HOSTILE, f"{HOSTILE}2", 1), tags={HOSTILE: HOSTILE})
    client = superuser_client()
    question = {
        "steps": [{"event_name": HOSTILE, "name": HOSTILE}, {"event_name": f"{HOSTILE}2"}],
        "breakdown": f"tags.{HOSTILE}",
        "trend": "day",
    }
    for query in ({}, {"panel": "results"}, {"panel": "next"}, {"panel": "people", "step": 1}):
        answer = get(client, api.project, question, **query)
        assert answer.status_code == 200
        assert HOSTILE not in answer.content.decode()
    call = re.search(r"-d '(.*)'", page(client, api.project, question, panel="results"))
    assert call
    assert "'" not in call[1]


def test_who_may_not_see_events_or_the_project_sees_no_funnel(
    project: Project, other_project: Project
) -> None:
    assert get(member_client(project), project).status_code == 403
    member = member_client(project, "events.event")
    assert get(member, project).status_code == 200
    assert get(member, other_project).status_code == 404
    assert get(member, other_project, BUYING, panel="results").status_code == 404

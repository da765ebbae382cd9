"""Deploys, as charts of other telemetry get them to draw in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from events.explorer import overlay
from projects.models import Project
from tests.admin import member_client, superuser_client
from tests.clients import ProjectClient
from tests.events.explorer.looking import NOW, PATH, minutes_ago, send

pytestmark = pytest.mark.django_db

URL = "/admin/explore/deploys/"


def marks(client: Client, project: Project, **query: str) -> dict[str, Any]:
    answer = client.get(URL, {"project": str(project.pk), **query})
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_a_mark_says_when_what_was_deployed_and_opens_its_event(api: ProjectClient) -> None:
    tags = {"service": "<b>pay</b>", "version": "1.42"}
    send(api, {"event_name": "deploy", "tags": tags, "timestamp": minutes_ago(20)}, {})
    client = superuser_client()
    [mark] = marks(client, api.project)["marks"]
    assert (mark["at"], mark["label"]) == (minutes_ago(20), "deploy <b>pay</b> 1.42")
    assert urlsplit(mark["url"]).path == PATH
    opened = {
        **{name: value[0] for name, value in parse_qs(urlsplit(mark["url"]).query).items()},
        "panel": "event",
    }
    assert "1.42" in client.get(PATH, opened).content.decode()


def test_only_deploys_of_the_range_are_marks_and_of_many_the_newest(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(api, *({"event_name": "deploy", "timestamp": minutes_ago(minutes)} for minutes in (5, 20, 50, 200)))
    client = superuser_client()
    assert len(marks(client, api.project)["marks"]) == 3
    monkeypatch.setattr(overlay, "MOST_MARKS", 2)
    cut = marks(client, api.project)
    assert ([mark["at"] for mark in cut["marks"]], cut["is_cut"]) == ([minutes_ago(5), minutes_ago(20)], True)
    end = (NOW - timedelta(minutes=10)).isoformat()
    whole = marks(client, api.project, start=minutes_ago(60), end=end)
    assert (len(whole["marks"]), whole["is_cut"]) == (2, False)


def test_marks_are_for_those_who_may_see_events_of_their_projects(
    api: ProjectClient, other_project: Project
) -> None:
    send(api, {"event_name": "deploy"})
    query = {"project": str(api.project.pk)}
    assert member_client(other_project, "events.event").get(URL, query).status_code == 404
    assert member_client(api.project, "traces.span").get(URL, query).status_code == 403
    assert marks(member_client(api.project, "events.event"), api.project)["marks"]
    assert superuser_client().get(URL, {**query, "range": "odd"}).status_code == 400
    assert Client().get(URL, query).status_code == 302


@pytest.mark.parametrize(
    "page",
    [
        "metrics/?metric_name=cpu&panel=chart",
        "traces/?panel=scatter",
        "traces/?panel=rates",
        "events/?panel=counts",
    ],
)
def test_every_explorers_charts_ask_for_them(api: ProjectClient, page: str) -> None:
    send(api, {})
    api.post("/api/v1/metrics", {"metrics": [{"metric_name": "cpu", "metric_value": 1}]})
    api.post(
        "/api/v1/traces",
        {
            "spans": [
                {
                    "trace_id": "t",
                    "span_id": "s",
                    "service_name": "web",
                    "operation_name": "GET",
                    "start_time": minutes_ago(5),
                    "duration_ms": 3,
                }
            ]
        },
    )
    text = superuser_client().get(f"/admin/explore/{page}&project={api.project.pk}").content.decode()
    assert f"{URL}?project={api.project.pk}&amp;start=" in text

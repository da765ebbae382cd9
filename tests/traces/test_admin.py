"""The admin's pages of spans: found by what people search for, leading to their trace."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from projects.models import Project
from tests.admin import member_client, superuser_client
from tests.clients import ProjectClient

SPANS = "/admin/traces/span/"
MOMENT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


def send(api: ProjectClient, *spans: dict[str, Any]) -> None:
    batch = [
        {
            "trace_id": "4bf92f3577b34da6",
            "span_id": f"s{number}",
            "service_name": "api",
            "operation_name": "GET /orders",
            "start_time": (MOMENT + timedelta(milliseconds=number)).isoformat(),
            "duration_ms": 10,
            **fields,
        }
        for number, fields in enumerate(spans)
    ]
    assert api.post("/api/v1/traces", {"spans": batch}).json()["accepted"] == len(spans)


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.content[:500]
    return answer.content.decode()


def span_page(project: Project, identifier: str) -> str:
    return f"{SPANS}{identifier}/change/?project={project.pk}"


@pytest.fixture
def admin(db: None) -> Client:
    return superuser_client()


@pytest.mark.parametrize("term", ["4BF92F3577B34DA6", "checkout", "/pay", "u-7"])
def test_spans_are_found_by_trace_service_operation_and_user(
    admin: Client, api: ProjectClient, term: str
) -> None:
    send(
        api,
        {"service_name": "checkout", "operation_name": "POST /pay", "user_id": "u-7", "duration_ms": 1930},
        {"trace_id": "other"},
    )
    shown = page(admin, f"{SPANS}?project={api.project.pk}&q={term}")
    assert "1 shown" in shown
    assert "1.93 s" in shown


def test_the_page_of_a_span_leads_to_its_trace_with_the_span_opened(
    admin: Client, api: ProjectClient
) -> None:
    send(api, {"operation_name": "<b>root</b>"}, {"parent_span_id": "s0", "service_name": "db"})
    shown = page(admin, span_page(api.project, "4bf92f3577b34da6-s1"))
    link = re.search(r'href="(/admin/explore/traces/4bf92f3577b34da6/[^"]*span_id=s1[^"]*)"', shown)
    assert link
    assert "&lt;b&gt;root&lt;/b&gt;" in page(admin, html.unescape(link[1]))


def test_ids_with_dashes_lead_to_their_span(admin: Client, api: ProjectClient) -> None:
    send(api, {"trace_id": "a-b", "span_id": "c-d", "operation_name": "dashed_one"})
    listed = page(admin, f"{SPANS}?project={api.project.pk}")
    link = re.search(rf'href="({SPANS}a-b-c-d/change/[^"]*)"', listed)
    assert link
    assert "dashed_one" in page(admin, html.unescape(link[1]))


@pytest.mark.parametrize("identifier", ["gone", "4bf92f3577b34da6-gone", "-", "a-" * 200])
def test_a_span_that_is_not_there_leads_back(admin: Client, identifier: str) -> None:
    assert admin.get(f"{SPANS}{identifier}/change/").status_code == 302


def test_the_list_and_the_page_of_one_cost_the_same_for_few_and_many_spans(
    admin: Client, api: ProjectClient
) -> None:
    costs = []
    # The first pages of a process also look up what Django then keeps, such as content types.
    send(api, {"trace_id": "first", "parent_span_id": "s0"})
    page(admin, f"{SPANS}?project={api.project.pk}")
    page(admin, span_page(api.project, "first-s0"))
    for count in (2, 45):
        trace_id = f"trace{count}"
        send(api, *[{"trace_id": trace_id, "parent_span_id": "s0"} for _ in range(count)])
        with CaptureQueriesContext(connection) as queries:
            page(admin, f"{SPANS}?project={api.project.pk}")
            page(admin, span_page(api.project, f"{trace_id}-s1"))
        assert not [query for query in queries if "COUNT(" in query["sql"]]
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_spans_of_two_projects_with_equal_ids_have_pages_of_their_own(
    admin: Client, api: ProjectClient, other_api: ProjectClient
) -> None:
    send(api, {"operation_name": "ours"})
    send(other_api, {"operation_name": "theirs"})
    assert "theirs" not in page(admin, span_page(api.project, "4bf92f3577b34da6-s0"))
    assert "ours" not in page(admin, span_page(other_api.project, "4bf92f3577b34da6-s0"))


def test_members_see_the_spans_of_their_project_only(
    project: Project, api: ProjectClient, other_api: ProjectClient
) -> None:
    member = member_client(project, "traces.span")
    send(api, {"operation_name": "mine"})
    send(other_api, {"operation_name": "theirs", "span_id": "s9"})
    shown = page(member, f"{SPANS}?q=4bf92f3577b34da6")
    assert "mine" in shown
    assert "theirs" not in shown
    assert "theirs" not in page(member, f"{SPANS}4bf92f3577b34da6-s0/change/")
    assert member.get(f"{SPANS}4bf92f3577b34da6-s9/change/").status_code == 302

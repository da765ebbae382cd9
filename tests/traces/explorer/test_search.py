"""The page that finds traces, as a browser asks for it."""

from __future__ import annotations

import csv
import html
import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from projects.models import Project
from tests.admin import member_client, superuser_client
from tests.clients import ProjectClient
from tests.traces.made_spans import exported, redirected, send
from traces.explorer import sampling, search_page
from traces.explorer.rule_links import rounded_up

TRACES = "/admin/explore/traces/"
MOMENT = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=20)
CHECKOUT = [
    {"operation_name": "POST /pay", "duration_ms": 1930, "span_id": "root", "status": "error"},
    {"service_name": "db", "operation_name": "SELECT orders", "parent_span_id": "root", "span_id": "db1",
     "duration_ms": 48, "tags": {"db.system": "postgresql", "retries": 3}},
]  # fmt: skip


@pytest.fixture
def admin(db: None) -> Client:
    return superuser_client()


def url(api: ProjectClient, **parameters: Any) -> str:
    return f"{TRACES}?{urlencode({'project': api.project.pk, **parameters})}"


def shown(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.content[:500]
    return html.unescape(answer.content.decode())


def listed(client: Client, api: ProjectClient, **parameters: Any) -> str:
    return shown(client, url(api, panel="results", **parameters))


def test_a_trace_is_listed_once_with_what_it_began_with(admin: Client, api: ProjectClient) -> None:
    send(api, CHECKOUT, MOMENT)
    page = listed(admin, api)
    assert page.count("POST /pay") == 1
    assert "1.93 s" in page
    assert '<td class="number">2</td>' in page
    assert "! 1" in page
    assert f"/admin/explore/traces/4bf92f3577b34da6/?project={api.project.pk}" in page


@pytest.mark.parametrize(
    ("filters", "is_found"),
    [
        ({"service_name": "db"}, True),
        ({"service_name": "nobody"}, False),
        ({"operation_name": "SELECT orders", "max_duration_ms": "50"}, True),
        ({"status": "error"}, True),
        ({"status": "error", "min_duration_ms": "1900"}, True),
        ({"status": "error", "min_duration_ms": "2000"}, False),
        ({"tags.db.system": "postgresql"}, True),
        ({"tags.retries": "3"}, True),
        ({"tags.db.system": "mysql"}, False),
        ({"max_duration_ms": "50"}, False),
        ({"max_duration_ms": "50", "match": "any"}, True),
        ({"range": "15m"}, False),
    ],
)
def test_traces_are_found_by_any_of_their_spans(
    admin: Client, api: ProjectClient, filters: dict[str, str], is_found: bool
) -> None:
    send(api, CHECKOUT, MOMENT)
    page = listed(admin, api, **filters)
    assert ("POST /pay" in page) is is_found
    assert ("Nothing matches" in page) is not is_found


def test_a_trace_of_which_a_step_failed_is_found_by_its_error(admin: Client, api: ProjectClient) -> None:
    send(api, [{**CHECKOUT[0], "status": "ok"}, {**CHECKOUT[1], "status": "error"}], MOMENT)
    assert "db SELECT orders" in " ".join(listed(admin, api, status="error").split())
    assert "Nothing matches" in listed(admin, api, status="error", match="root")


def test_the_span_that_matches_is_named_beside_its_trace_and_opened_by_the_link(
    admin: Client, api: ProjectClient
) -> None:
    send(api, CHECKOUT, MOMENT)
    page = listed(admin, api, service_name="db")
    assert re.search(r"db SELECT orders\s+48 ms", page)
    assert "span_id=db1&at=" in page


def test_a_typed_attribute_becomes_a_filter_with_a_chip(admin: Client, api: ProjectClient) -> None:
    send(api, CHECKOUT, MOMENT)
    target = redirected(admin, url(api, attribute="db.system = postgresql", status="", cursor="x"))
    assert target == url(api, **{"tags.db.system": "postgresql"})
    page = shown(admin, target)
    assert "tags.db.system = postgresql" in page
    assert 'aria-label="Remove tags.db.system"' in page


def test_a_typed_trace_id_leads_to_its_trace(admin: Client, api: ProjectClient) -> None:
    target = redirected(admin, url(api, trace_id=" 4BF92F3577B34DA6 "))
    assert target == f"/admin/explore/traces/4bf92f3577b34da6/?project={api.project.pk}"


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"trace_id": "../../x"}, "A trace id has"),
        ({"attribute": "no value"}, "key=value"),
        ({"min_duration_ms": "slow"}, "min_duration_ms is not what it should be"),
        ({"http_status_code": "9999"}, "http_status_code is not what it should be"),
        ({"panel": "results", "cursor": "made-up"}, "not there"),
        ({"range": "99y"}, "no time range"),
    ],
)
def test_what_can_not_be_understood_is_said_in_words(
    admin: Client, api: ProjectClient, parameters: dict[str, str], words: str
) -> None:
    assert words in shown(admin, url(api, **parameters))


def test_hostile_texts_are_shown_as_texts(admin: Client, api: ProjectClient) -> None:
    hostile = "<script>alert(1)</script>'\"&{{ 7 }}"
    send(api, [{"service_name": hostile, "operation_name": hostile, "tags": {hostile: hostile}}], MOMENT)
    for panel in ("", "rates", "scatter", "results"):
        answer = admin.get(url(api, service_name=hostile, panel=panel, **{f"tags.{hostile}": hostile}))
        assert answer.status_code == 200
        assert b"<script>alert" not in answer.content


@pytest.mark.parametrize(
    "parameters", [{"tags.": "x"}, {"tags.a\0b": "x"}, {"service_name": "a\0"}, {"cursor": "W10"}]
)
def test_odd_parameters_break_nothing(admin: Client, api: ProjectClient, parameters: dict[str, str]) -> None:
    send(api, CHECKOUT, MOMENT)
    for panel in ("", "rates", "scatter", "results"):
        assert admin.get(url(api, panel=panel, **parameters)).status_code == 200


def test_charts_show_rate_errors_and_p95_of_the_chosen_service(admin: Client, api: ProjectClient) -> None:
    send(api, CHECKOUT, MOMENT)
    page = shown(admin, url(api, panel="rates", service_name="api", status="error"))
    assert "Errors: 100 %" in page
    assert "Of spans with service_name api; the other filters are not in these three." in page


def test_each_dot_is_a_trace_and_a_failed_one_is_named_so(admin: Client, api: ProjectClient) -> None:
    send(api, [*CHECKOUT, {"trace_id": "fine", "span_id": "f"}], MOMENT)
    page = shown(admin, url(api, panel="scatter"))
    figure = json.loads(re.search(r'<script id="scatter-figure"[^>]*>(.*?)</script>', page)[1])  # type: ignore[index]  # it is there
    assert {line["name"]: line["y"] for line in figure["data"]} == {"no error": [10], "error": [1930]}
    assert figure["data"][1]["customdata"][0].startswith("/admin/explore/traces/4bf92f3577b34da6/")
    assert "2 spans, all that match." in page
    assert "Linear scale" in shown(admin, url(api, panel="scatter", scale="log"))


def test_a_busy_stretch_is_sampled_and_the_page_says_so(
    admin: Client, api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "DOTS_PER_SLICE", 3)
    send(api, [{"trace_id": f"t{number}", "span_id": "s"} for number in range(10)], MOMENT)
    assert "A sample of 3 spans" in shown(admin, url(api, panel="scatter"))


def test_a_stretch_that_was_read_in_part_is_not_said_to_have_no_other_matches(
    admin: Client, api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "READ_PER_SLICE", 3)
    send(api, [{"trace_id": f"t{number}", "span_id": "s"} for number in range(10)], MOMENT)
    assert "older matches are missing" in shown(admin, url(api, panel="scatter"))


def test_charts_become_rules_for_those_who_may_make_some(
    project: Project, admin: Client, api: ProjectClient
) -> None:
    send(api, CHECKOUT, MOMENT)
    page = shown(admin, url(api, panel="rates", service_name="api", operation_name="POST /pay"))
    conditions = [
        dict(parse_qsl(link)) for link in re.findall(r'href="/admin/alerting/rule/add/\?([^"]*)"', page)
    ]
    assert [(one["metric"], one["threshold"]) for one in conditions] == [
        ("error_ratio", "0.5"),
        ("duration_ms", "2000"),
    ]
    assert {one["operation_name"] for one in conditions} == {"POST /pay"}
    assert "/rule/add/" not in shown(member_client(project, "traces.span"), url(api, panel="rates"))


@pytest.mark.parametrize(
    ("value", "expected"), [(0, 0), (1930, 2000), (0.0512, 0.052), (0.05, 0.05), (1e20, 1e20), (7, 7)]
)
def test_thresholds_are_rounded_up_to_two_digits(value: float, expected: float) -> None:
    assert rounded_up(value) == expected


def test_older_pages_go_on_where_the_list_ended(
    admin: Client, api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_page, "PAGE_SIZE", 2)
    send(api, [{"trace_id": f"trace-{number}", "span_id": "s"} for number in range(5)], MOMENT)
    path, seen = url(api, panel="results"), []
    while path:
        page = shown(admin, path)
        seen += re.findall(r'value="(trace-\d)"', page)
        older = re.search(r'href="\?([^"]*)">Older', page)
        path = f"{TRACES}?{older[1]}&panel=results" if older else ""
    assert seen == [f"trace-{number}" for number in (4, 3, 2, 1, 0)]


def test_a_search_that_read_enough_says_how_far_it_came_and_goes_on_from_there(
    admin: Client, api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "READ_AT_MOST", 4)
    rare = {"trace_id": "rare", "span_id": "r", "service_name": "seldom"}
    send(api, [rare, *({"trace_id": f"t{number}", "span_id": "s"} for number in range(6))], MOMENT)
    page = listed(admin, api, service_name="seldom")
    assert 'value="rare"' not in page
    assert "Searched the newest 4 spans" in page
    further = re.search(r'href="\?([^"]*)">Search further back', page)
    assert further
    assert 'value="rare"' in shown(admin, f"{TRACES}?{further[1]}&panel=results")


def test_a_project_without_spans_says_how_to_send_the_first(admin: Client, api: ProjectClient) -> None:
    page = listed(admin, api)
    assert "No spans yet" in page
    assert "/api/v1/traces" in page
    assert 'data-copies="first-span"' in page


def test_the_first_span_can_be_sent_as_its_command_is_copied(admin: Client, api: ProjectClient) -> None:
    command = re.search(r'id="first-span"[^>]*>(.*?)</pre>', listed(admin, api), re.DOTALL)
    assert command
    # A function in the place of the program, so that the shell says what it would be called with.
    script = f'curl() {{ for last; do :; done; printf "%s" "$last"; }}\n{command[1]}'
    body = subprocess.run(["sh", "-c", script], check=True, capture_output=True).stdout
    answer = api.post("/api/v1/traces", body)
    assert answer.json()["accepted"] == 1, answer.content
    assert "GET /" in listed(admin, api)


def test_exports_have_what_the_list_shows(admin: Client, api: ProjectClient) -> None:
    send(api, [{**CHECKOUT[0], "operation_name": "=POST /pay"}, CHECKOUT[1]], MOMENT)
    rows = json.loads(exported(admin, url(api, export="json", service_name="db")))
    assert [(row["trace_id"], row["span_count"], row["span_operation_name"]) for row in rows] == [
        ("4bf92f3577b34da6", 2, "SELECT orders")
    ]
    text = exported(admin, url(api, export="csv"))
    assert next(csv.DictReader(text.splitlines()))["operation_name"] == "'=POST /pay"


def test_members_see_traces_of_their_projects_only(
    project: Project, api: ProjectClient, other_api: ProjectClient
) -> None:
    send(other_api, [{"operation_name": "theirs"}], MOMENT)
    member = member_client(project, "traces.span")
    assert "theirs" not in shown(member, f"{TRACES}?panel=results")
    assert member.get(url(other_api)).status_code == 404
    assert member_client(project).get(url(api)).status_code == 403


def test_pages_cost_few_queries_however_many_spans_there_are(admin: Client, api: ProjectClient) -> None:
    costs = []
    for count in (1, 60):
        send(
            api, [{"trace_id": f"c{count}-{number}"} for number in range(count)], MOMENT, service_name="busy"
        )
        for panel in ("", "rates", "scatter", "results"):
            admin.get(url(api, panel=panel))
            with CaptureQueriesContext(connection) as queries:
                admin.get(url(api, panel=panel))
            assert len(queries) <= 10
            costs.append(len(queries))
    assert costs[:4] == costs[4:]

"""The page of one trace, as a browser asks for it."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.links import trace_url
from projects.models import Project
from tests.admin import member_client, superuser_client
from tests.clients import ProjectClient
from tests.metrics.explorer.pages import record
from tests.traces.made_spans import exported, send
from traces.models import Span

MOMENT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
TRACE = "4bf92f3577b34da6"
CHECKOUT: list[dict[str, Any]] = [
    {"span_id": "root", "operation_name": "POST /pay", "duration_ms": 1000},
    {"span_id": "auth", "parent_span_id": "root", "operation_name": "auth", "duration_ms": 12},
    {"span_id": "charge", "parent_span_id": "root", "service_name": "pay", "operation_name": "charge",
     "duration_ms": 900, "status": "error", "user_id": "u-7", "tags": {"http.route": "/pay", "n": [1, {"a": None}]}},
]  # fmt: skip


@pytest.fixture
def admin(db: None) -> Client:
    return superuser_client()


def url(api: ProjectClient, trace_id: str = TRACE, **parameters: Any) -> str:
    return f"/admin/explore/traces/{trace_id}/?{urlencode({'project': api.project.pk, **parameters})}"


def shown(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.content[:500]
    return answer.content.decode()


def drawn(page: str) -> list[str]:
    """The operations of the waterfall's rows, in order."""
    return re.findall(r"data-span [^>]*><b>[^<]*</b> ([^<]*)</a>", page)


def test_the_page_answers_what_began_how_long_it_took_and_what_failed(
    admin: Client, api: ProjectClient
) -> None:
    send(api, CHECKOUT, MOMENT)
    page = shown(admin, url(api))
    assert drawn(page) == ["POST /pay", "auth", "charge"]
    assert '<dd class="page-value">1 s</dd>' in page
    assert "! 1" in page
    assert page.count("is-critical") == 2
    # Self times: the root 100 - 12 (they don't overlap), auth 12, charge 900.
    assert re.search(r"pay <b>8\d(\.\d)? %</b> 900 ms", page)


@pytest.mark.parametrize("trace_id", ["orders/42", "two\nlines", "a b?c#d%2F", "\N{SNOWMAN}"])
def test_what_events_call_a_trace_may_be_anything_and_is_looked_for(
    admin: Client, api: ProjectClient, trace_id: str
) -> None:
    assert drawn(shown(admin, trace_url(trace_id, {"project": str(api.project.pk)}))) == []


def test_the_tree_tells_levels_and_can_be_folded(admin: Client, api: ProjectClient) -> None:
    send(api, CHECKOUT, MOMENT)
    page = shown(admin, url(api))
    assert re.findall(r'aria-level="(\d)"( aria-expanded="true")?', page) == [
        ("1", ' aria-expanded="true"'),
        ("2", ""),
        ("2", ""),
    ]


def test_a_span_opens_with_all_that_is_known_of_it(admin: Client, api: ProjectClient) -> None:
    send(api, CHECKOUT, MOMENT)
    page = html.unescape(shown(admin, url(api, panel="span", span_id="charge")))
    assert "Metrics of pay" not in page
    record(api.project, "load", [1], service_name="pay")
    page = html.unescape(shown(admin, url(api, panel="span", span_id="charge")))
    assert "<dd>900 ms</dd>" in page
    assert '[1, {"a": null}]' in page
    assert re.search(r'href="/admin/explore/traces/\?[^"]*tags.http.route=%2Fpay', page)
    assert re.search(r'href="/admin/explore/events/\?[^"]*span_id=charge', page)
    assert re.search(r'href="/admin/explore/events/\?[^"]*user_id=u-7', page)
    assert re.search(r'href="/admin/explore/metrics/\?[^"]*service_name=pay', page)


def test_exceptions_events_and_links_of_a_span_are_shown(admin: Client, api: ProjectClient) -> None:
    send(api, CHECKOUT, MOMENT)
    at = (MOMENT + timedelta(milliseconds=500)).isoformat()
    thrown = {
        "exception.type": "Timeout",
        "exception.message": "<b>no answer</b>",
        "exception.stacktrace": "at pay()",
    }
    Span.objects.filter(project=api.project, span_id="charge").update(
        events=[{"name": "exception", "timestamp": at, "attributes": thrown}, {"name": "retry"}, 5],
        links=[
            {"trace_id": "ab12", "span_id": "cd", "attributes": {"why": "batch"}},
            {"trace_id": "../x"},
            None,
        ],
    )
    page = shown(admin, url(api, panel="span", span_id="charge"))
    assert "! Timeout" in page
    assert "&lt;b&gt;no answer&lt;/b&gt;" in page
    assert "at pay()" in page
    assert "/admin/explore/traces/ab12/?" in page
    assert 'href="../x' not in page
    assert re.search(r'class="span-mark" style="left:50.0%" title="exception"', shown(admin, url(api)))


def test_two_spans_with_one_id_are_told_apart_by_their_start(admin: Client, api: ProjectClient) -> None:
    send(
        api,
        [{"span_id": "x", "operation_name": "first"}, {"span_id": "x", "operation_name": "second"}],
        MOMENT,
    )
    page = shown(admin, url(api))
    links = [html.unescape(link) for link in re.findall(r'data-span href="([^"]*)"', page)]
    opened = [shown(admin, f"/admin/explore/traces/{TRACE}/{link}&panel=span") for link in links]
    assert ["first" in opened[0], "second" in opened[1]] == [True, True]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"q": "CHARGE"}, ["POST /pay", "charge"]),
        ({"status": "error"}, ["POST /pay", "charge"]),
        ({"service_name": "api"}, ["POST /pay", "auth"]),
        ({"q": "auth", "service_name": "pay"}, []),
        ({"under": "charge"}, ["charge"]),
    ],
)
def test_filters_within_the_trace_keep_what_leads_to_a_match(
    admin: Client, api: ProjectClient, filters: dict[str, str], expected: list[str]
) -> None:
    send(api, CHECKOUT, MOMENT)
    assert drawn(shown(admin, url(api, **filters))) == expected


def test_a_part_that_is_not_there_leads_to_the_whole_trace(admin: Client, api: ProjectClient) -> None:
    send(api, CHECKOUT, MOMENT)
    page = shown(admin, url(api, under="gone"))
    assert "is not there" in page
    assert f'href="?project={api.project.pk}' in page


def test_a_trace_of_many_spans_draws_a_thousand_and_leads_to_the_rest(
    admin: Client, api: ProjectClient
) -> None:
    below = [{"span_id": f"x{number}", "parent_span_id": "root"} for number in range(1200)]
    send(api, [CHECKOUT[0], *below], MOMENT)
    page = shown(admin, url(api))
    assert len(drawn(page)) == 1000
    assert "201 of its spans are not drawn" in page
    assert "+ 201 under it" in page
    assert drawn(shown(admin, url(api, q="x1199")))[1:] == ["GET /orders"]


def test_the_page_costs_the_same_for_few_and_many_spans(admin: Client, api: ProjectClient) -> None:
    costs = []
    for count in (2, 300):
        send(api, [{"trace_id": f"of{count}", "parent_span_id": "s0"} for _ in range(count)], MOMENT)
        admin.get(url(api, f"of{count}"))
        with CaptureQueriesContext(connection) as queries:
            admin.get(url(api, f"of{count}"))
        costs.append(len(queries))
    assert costs[0] == costs[1] <= 8


@pytest.mark.parametrize("trace_id", ["gone", "%00", "a%0Ab", "%3Cb%3E"])
def test_a_trace_that_is_not_there_is_a_page_that_says_so(
    admin: Client, api: ProjectClient, trace_id: str
) -> None:
    assert "No such trace" in shown(admin, url(api, trace_id))


@pytest.mark.parametrize(
    "parameters", [{"span_id": "gone"}, {}, {"span_id": "root", "at": "x"}, {"at": "9" * 30}]
)
def test_a_span_that_is_not_there_is_said_so(
    admin: Client, api: ProjectClient, parameters: dict[str, str]
) -> None:
    send(api, CHECKOUT, MOMENT)
    page = shown(admin, url(api, panel="span", **parameters))
    assert ("This span is not there" in page) is ("root" not in parameters.values())


def test_equal_ids_of_another_project_stay_there(
    project: Project, api: ProjectClient, other_api: ProjectClient
) -> None:
    send(other_api, [{"operation_name": "theirs", "span_id": "o"}], MOMENT)
    member = member_client(project, "traces.span")
    assert "No such trace" in shown(member, url(api))
    assert "theirs" not in shown(member, url(api, panel="span", span_id="o"))
    assert member.get(url(other_api)).status_code == 404


def test_the_export_is_the_tree_in_its_order(admin: Client, api: ProjectClient) -> None:
    send(api, CHECKOUT, MOMENT)
    rows = json.loads(exported(admin, url(api, export="json")))
    assert [(row["span_id"], row["depth"]) for row in rows] == [("root", 0), ("auth", 1), ("charge", 1)]


def test_clocks_that_are_wrong_break_no_page(admin: Client, api: ProjectClient) -> None:
    broken = [
        {**CHECKOUT[0], "duration_ms": 1e15},
        {**CHECKOUT[1], "duration_ms": 0},
        {**CHECKOUT[2], "duration_ms": 1e-9},
    ]
    send(api, broken, MOMENT)
    pages = [
        "traces/?panel=results&",
        "traces/?panel=scatter&",
        "traces/?panel=rates&",
        "services/?panel=map&",
    ]
    pages += [
        f"traces/{TRACE}/?",
        f"traces/{TRACE}/?panel=span&span_id=root&",
        f"compare/?a={TRACE}&b={TRACE}&",
    ]
    for path in pages:
        shown(admin, f"/admin/explore/{path}range=3h&project={api.project.pk}")


def test_hostile_names_are_shown_as_texts(admin: Client, api: ProjectClient) -> None:
    hostile = "<img src=x onerror=alert(1)>\"'"
    send(
        api,
        [{**CHECKOUT[0], "service_name": hostile, "operation_name": hostile, "tags": {hostile: hostile}}],
        MOMENT,
    )
    for panel in ("", "span"):
        assert "<img src=x" not in shown(admin, url(api, panel=panel, span_id="root", q="<img"))


def test_a_trace_leads_back_to_the_search_that_found_it_and_nowhere_else(
    admin: Client, api: ProjectClient
) -> None:
    send(api, CHECKOUT, MOMENT)
    search = f"/admin/explore/traces/?project={api.project.pk}&range=2d&tags.http.route=%2Fpay"
    results = html.unescape(shown(admin, f"{search}&panel=results"))
    found = re.search(r'href="(/admin/explore/traces/4bf92f3577b34da6/[^"]*)">POST', results)
    assert found
    assert f'href="{search}">Back to the search' in html.unescape(shown(admin, found[1]))
    odd = html.unescape(shown(admin, url(api, back="https://evil.example/")))
    assert 'href="/admin/explore/traces/?https%3A%2F%2F' in odd


def test_a_trace_becomes_a_rule_for_those_who_may_make_one(
    project: Project, admin: Client, api: ProjectClient
) -> None:
    send(api, CHECKOUT, MOMENT)
    found = re.search(r'href="(/admin/alerting/rule/add/[^"]*)"', html.unescape(shown(admin, url(api))))
    assert found
    assert "threshold=1000&metric=duration_ms&aggregation=p95&service_name=api" in found[1]
    assert admin.get(found[1]).status_code == 200
    assert "/rule/add/" not in shown(member_client(project, "traces.span"), url(api))

"""The page of services and the one that compares two traces, as a browser asks for them."""

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

from projects.models import Project
from tests.admin import member_client, superuser_client
from tests.clients import ProjectClient
from tests.metrics.explorer.pages import record
from tests.traces.made_spans import exported, redirected, send
from traces.explorer import service_calls, services

SERVICES, COMPARE = "/admin/explore/services/", "/admin/explore/compare/"
MOMENT = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=20)
SHOP: list[dict[str, Any]] = [
    {"service_name": "web", "span_id": "w", "kind": "server", "duration_ms": 100},
    {"service_name": "web", "span_id": "wc", "parent_span_id": "w", "kind": "client", "duration_ms": 90},
    {"service_name": "pay", "span_id": "p", "parent_span_id": "wc", "kind": "server", "duration_ms": 80,
     "status": "error"},
    {"service_name": "<db>", "span_id": "d", "parent_span_id": "p", "duration_ms": 5},
]  # fmt: skip


@pytest.fixture
def admin(db: None) -> Client:
    return superuser_client()


def shown(client: Client, path: str, api: ProjectClient, **parameters: Any) -> str:
    answer = client.get(f"{path}?{urlencode({'project': api.project.pk, **parameters})}")
    assert answer.status_code == 200, answer.content[:500]
    return answer.content.decode()


def test_services_and_their_calls_are_drawn_and_listed(admin: Client, api: ProjectClient) -> None:
    send(api, SHOP, MOMENT)
    page = shown(admin, SERVICES, api, panel="map")
    assert re.search(r'aria-label="pay: failing [^"]*80(\.\d)? ms"', page)
    assert "&lt;db&gt;" in page
    assert "<db>" not in page
    assert re.findall(r"<title>(\w+) calls (\S+)</title></path>", page) == [
        ("pay", "&lt;db&gt;"),
        ("web", "pay"),
    ]
    assert "of all 4 spans" in page
    assert re.search(
        r'href="/admin/explore/traces/4bf92f3577b34da6/[^"]*span_id=p[^"]*">failed', html.unescape(page)
    )


def test_a_database_that_sends_no_spans_is_on_the_map(admin: Client, api: ProjectClient) -> None:
    query = {"kind": "client", "tags": {"db.system.name": "postgresql"}}
    send(
        api,
        [
            {"span_id": "q", **query},
            {"span_id": "x", "kind": "internal", "tags": {"db.system.name": "mysql"}},
        ],
        MOMENT,
    )
    page = shown(admin, SERVICES, api, panel="map")
    assert "postgresql: sends no spans" in page
    assert "mysql" not in page


def test_services_in_trouble_come_first(admin: Client, api: ProjectClient) -> None:
    send(api, SHOP, MOMENT)
    rows = json.loads(exported(admin, f"{SERVICES}?project={api.project.pk}&export=json"))
    assert [(row["service_name"], row["span_count"], row["state"]) for row in rows] == [
        ("pay", 1, "failing"),
        ("web", 2, "ok"),
        ("<db>", 1, "ok"),
    ]


def test_calls_of_a_busy_range_are_sampled_and_the_page_says_so(
    admin: Client, api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_calls, "SPANS_PER_SLICE", 3)
    send(api, SHOP, MOMENT)
    assert "a sample of 3 spans" in shown(admin, SERVICES, api, panel="map")


def test_the_map_costs_few_queries_however_many_services_there_are(admin: Client, api: ProjectClient) -> None:
    costs = []
    for count in (2, 60):
        spans = [{"service_name": f"s{number}", "span_id": f"{count}-{number}"} for number in range(count)]
        send(api, spans, MOMENT)
        shown(admin, SERVICES, api, panel="map")
        with CaptureQueriesContext(connection) as queries:
            shown(admin, SERVICES, api, panel="map")
        costs.append(len(queries))
    assert costs[0] == costs[1] <= 10
    assert "20 more services are only in the table" in shown(admin, SERVICES, api, panel="map")


def test_a_project_without_spans_says_how_to_send_the_first(admin: Client, api: ProjectClient) -> None:
    assert "No services yet" in shown(admin, SERVICES, api, panel="map")


def test_a_quiet_hour_leads_to_the_days_before(admin: Client, api: ProjectClient) -> None:
    send(api, SHOP, MOMENT - timedelta(hours=5))
    assert "No spans in this time" in shown(admin, SERVICES, api, panel="map")


def test_two_ticked_traces_are_compared(admin: Client, api: ProjectClient) -> None:
    send(api, SHOP, MOMENT, trace_id="fast")
    logged = {"service_name": "log", "span_id": "l", "parent_span_id": "p"}
    send(api, [*SHOP[:2], {**SHOP[2], "duration_ms": 900}, logged], MOMENT, trace_id="slow")
    target = redirected(admin, f"{COMPARE}?project={api.project.pk}&trace=fast&trace=slow")
    assert target == f"{COMPARE}?project={api.project.pk}&a=fast&b=slow"
    page = admin.get(target).content.decode()
    assert "only in A" in page
    assert "only in B" in page
    assert "+815 ms" in page
    assert "b=fast" in html.unescape(page)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, "Choose two traces"),
        ({"trace": "fast"}, "1 was chosen"),
        ({"a": "fast"}, "Choose two traces"),
        ({"a": "fast", "b": "gone"}, "no trace gone"),
    ],
)
def test_what_is_missing_for_a_comparison_is_said(
    admin: Client, api: ProjectClient, parameters: dict[str, str], words: str
) -> None:
    send(api, SHOP, MOMENT, trace_id="fast")
    assert words in shown(admin, COMPARE, api, **parameters)


def test_members_see_their_projects_only(
    project: Project, api: ProjectClient, other_api: ProjectClient
) -> None:
    send(other_api, SHOP, MOMENT, trace_id="theirs")
    member = member_client(project, "traces.span")
    assert "No services yet" in shown(member, SERVICES, api, panel="map")
    assert "no trace theirs" in shown(member, COMPARE, api, a="theirs", b="theirs")
    for path in (SERVICES, COMPARE):
        assert member.get(f"{path}?project={other_api.project.pk}").status_code == 404
        assert member_client(project).get(path).status_code == 403


def test_a_service_is_compared_with_itself_even_beyond_the_limit_of_services(
    admin: Client, api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MOST_SERVICES", 2)
    for start, counts in ((MOMENT - timedelta(hours=1), {"x": 4}), (MOMENT, {"x": 1, "y": 2, "z": 3})):
        for name, count in counts.items():
            send(
                api,
                [{"service_name": name, "span_id": f"{name}{one}-{start:%H}"} for one in range(count)],
                start,
                trace_id=name,
            )
    rows = json.loads(exported(admin, f"{SERVICES}?project={api.project.pk}&export=json"))
    assert [(row["service_name"], row["state"]) for row in rows] == [("z", "ok"), ("x", "ok")]
    assert "The 2 busiest; there are more." in shown(admin, SERVICES, api, panel="map")
    monkeypatch.setattr(services, "MOST_SERVICES", 3)
    assert "busiest" not in shown(admin, SERVICES, api, panel="map")


def test_services_lead_to_metrics_only_where_they_send_some_and_to_a_rule_on_what_is_wrong(
    project: Project, admin: Client, api: ProjectClient
) -> None:
    send(api, SHOP, MOMENT)
    record(api.project, "load", [1], service_name="web")
    page = html.unescape(shown(admin, SERVICES, api, panel="map"))
    assert re.findall(r'href="/admin/explore/metrics/[^"]*service_name=(\w+)', page) == ["web"]
    rules = dict(
        re.findall(r'href="(/admin/alerting/rule/add/[^"]*)" aria-label="Make a rule for (\w+)', page)
    )
    conditions = {service: url for url, service in rules.items()}
    assert "threshold=0.5&metric=error_ratio&service_name=pay" in conditions["pay"]
    assert "threshold=100&metric=duration_ms&aggregation=p95&service_name=web" in conditions["web"]
    form = html.unescape(admin.get(conditions["pay"]).content.decode())
    assert "service_name=pay</textarea>" in form
    as_member = shown(member_client(project, "traces.span"), SERVICES, api, panel="map")
    assert "/rule/add/" not in as_member
    assert "/explore/metrics/" not in as_member


def test_what_one_trace_is_compared_with_is_offered(admin: Client, api: ProjectClient) -> None:
    for number, duration_ms in enumerate((100, 20, 900, 30, 40)):
        root = {**SHOP[0], "operation_name": "GET /", "duration_ms": duration_ms}
        send(api, [root], MOMENT, trace_id=f"trace-{number}")
    send(api, [{"service_name": "web", "operation_name": "other", "span_id": "o"}], MOMENT, trace_id="other")
    page = html.unescape(shown(admin, COMPARE, api, a="trace-0"))
    assert re.findall(r"b=([\w-]+)\">(\w+): (\d+)", page) == [
        ("trace-2", "Slowest", "900"),
        ("trace-3", "Usual", "30"),
        ("trace-1", "Fastest", "20"),
    ]

"""What browsers are told, before a request and with its answer. Only paths that take telemetry speak at all."""

from __future__ import annotations

import pytest
from django.test import Client

from projects.models import Project
from tests.clients import ProjectClient
from tests.ingest.browser_clients.pages import SHOP, WebPage, options

pytestmark = pytest.mark.django_db

NATIVE = ["/api/v1/events", "/api/v1/metrics", "/api/v1/business-metrics", "/api/v1/traces"]
FOREIGN = [
    *(f"/v1/{name}" for name in ("traces", "metrics", "logs")),
    *(f"/v1/{name}" for name in ("track", "identify", "page", "screen", "group", "alias", "batch")),
    "/api/v1/write",
]


@pytest.mark.parametrize("path", [*NATIVE, *FOREIGN, *(f"{path}/" for path in (*NATIVE, *FOREIGN))])
def test_whoever_asks_may_send_and_needs_no_key_to_ask(path: str) -> None:
    asked = "content-type, X-API-Key,ce-id, x-evil, cookie"
    answer = options(path, HTTP_ORIGIN=SHOP, HTTP_ACCESS_CONTROL_REQUEST_HEADERS=asked)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer["Access-Control-Allow-Origin"] == SHOP
    assert answer["Access-Control-Allow-Methods"] == "POST"
    assert answer["Access-Control-Allow-Headers"] == "content-type, x-api-key, ce-id"
    assert int(answer["Access-Control-Max-Age"]) > 0
    assert "Origin" in answer["Vary"]
    assert answer["Allow"] == "POST"
    assert "Access-Control-Allow-Credentials" not in answer


def test_who_names_no_origin_hears_what_is_allowed_and_no_more() -> None:
    answer = options("/api/v1/events")
    assert (answer.status_code, answer["Allow"]) == (204, "POST")
    assert not [name for name in answer.headers if name.startswith("Access-Control")]


def test_paths_that_are_only_read_are_not_for_other_origins(api: ProjectClient) -> None:
    for path in ("/api/v1/alerts/", "/api/v1/metrics/series", "/api/v1/event-summary"):
        assert options(path, HTTP_ORIGIN=SHOP).status_code == 401
        answer = api.send("GET", path, HTTP_ORIGIN=SHOP)
        assert "Access-Control-Allow-Origin" not in answer
    reading = api.send("GET", "/api/v1/events", HTTP_ORIGIN=SHOP)
    assert reading.status_code == 200
    assert "Access-Control-Allow-Origin" not in reading


def test_a_page_can_read_answers_and_refusals(project: Project) -> None:
    page = WebPage(project, allowed_origins=[SHOP])
    for body, status in (({"event_name": "hello"}, 202), (b"{", 400)):
        answer = page.fetch("/api/v1/events", body)
        assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (status, SHOP)
        assert "Retry-After" in answer["Access-Control-Expose-Headers"]
        assert "Origin" in answer["Vary"]
        assert "Access-Control-Allow-Credentials" not in answer


def test_a_page_elsewhere_reads_nothing(project: Project) -> None:
    answer = WebPage(project, "https://evil.example", allowed_origins=[SHOP]).fetch("/api/v1/events", {})
    assert (answer.status_code, "Access-Control-Allow-Origin" in answer) == (403, False)


def test_server_keys_are_not_for_pages(api: ProjectClient) -> None:
    answer = api.send("POST", "/api/v1/events", b'{"event_name": "x"}', HTTP_ORIGIN=SHOP)
    assert (answer.status_code, "Access-Control-Allow-Origin" in answer) == (202, False)


def test_a_page_learns_that_its_key_is_unknown() -> None:
    answer = Client().post("/api/v1/events", HTTP_ORIGIN=SHOP, HTTP_X_API_KEY="tp_nobody")
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (401, SHOP)


@pytest.mark.parametrize(
    "origin",
    ["https://" + "a" * 300 + ".example", "https://shop.example/path", "shop.example", "https://a b"],
)
def test_what_is_no_origin_is_not_sent_back(origin: str) -> None:
    answer = options("/api/v1/events", HTTP_ORIGIN=origin)
    assert (answer.status_code, "Access-Control-Allow-Origin" in answer) == (204, False)
    answer = Client().post("/api/v1/events", HTTP_ORIGIN=origin, HTTP_X_API_KEY="tp_nobody")
    assert (answer.status_code, "Access-Control-Allow-Origin" in answer) == (401, False)


@pytest.mark.parametrize(
    "origin", ["null", "file://", "capacitor://localhost", "http://[::1]:8000", "chrome-extension://abc"]
)
def test_pages_without_a_site_of_their_own_may_ask(origin: str) -> None:
    assert options("/api/v1/events", HTTP_ORIGIN=origin)["Access-Control-Allow-Origin"] == origin

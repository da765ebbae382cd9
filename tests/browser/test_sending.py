"""The pages "Sources" and "How to send", and a page of another origin that sends, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer
from pytest_httpserver import HTTPServer

from ingest.how_to_send.base import filled
from ingest.how_to_send.browsers import BROWSER
from ingest.sources import gathering, storing
from ingest.sources.tallies import Source, Tally, place_of
from projects.keys import create_browser_key, create_key
from tests.browser.looks import darken, width_px
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project
from tests.platform.running import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

Keep = Callable[[str], None]
EVENTS = "/api/v1/events"


@pytest.fixture(autouse=True)
def _nothing_gathered() -> None:
    gathering.gathered.take()


@pytest.fixture
def sender() -> ProjectClient:
    """A project with an hour behind it: a steady Collector, a shop's web page, a key with troubles."""
    project = make_project("shop")
    collector, _ = create_key(project, "Collector in fra1", ["ingest"])
    web, _ = create_browser_key(project, "shop.example.com")
    create_key(project, "Nightly import", ["ingest"])
    client = client_of(project)
    old = (timezone.now() - timedelta(days=120)).isoformat()
    client.post(EVENTS, {"events": [{"event_name": "import", "timestamp": old}] * 40})
    client.post(
        EVENTS, {"events": [{"event_name": "order", "colour": "red", "user_id": "u1"}, {"event_name": "ok"}]}
    )
    client.post(EVENTS, b"{")
    ProjectClient("tp_mistyped", project).post(EVENTS, {"event_name": "lost"})
    now = timezone.now()
    spans = Source(project.pk, collector.pk, "otlp", "/v1/traces")
    views = Source(project.pk, web.pk, "json", EVENTS)
    for minutes in range(60):
        at = now - timedelta(minutes=minutes, seconds=12)
        busy = 9000 + 400 * ((minutes * 7) % 11)
        _add(spans, Tally(at, requests=1, records=busy, byte_count=80 * busy))
        _add(views, Tally(at, requests=1, records=(minutes * 13) % 70, rejected=(minutes % 9 == 0) * 8))
    return client


def _add(source: Source, tally: Tally) -> None:
    storing.add_up({place_of(source, tally.last_seen_at): tally})


def test_a_person_finds_out_why_an_event_is_not_there(
    admin_page: Page, screenshot: Keep, sender: ProjectClient
) -> None:
    page = admin_page
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto("/admin/")
    page.get_by_role("link", name="Sources").click()
    page.get_by_label("Project").select_option(label="shop")
    expect(page.get_by_role("link", name="Collector in fra1")).to_be_visible()
    screenshot("table")
    page.locator("tbody", has_text="test").get_by_text("reasons why not all of it").click()
    reasons = page.locator("details[open]")
    expect(reasons).to_contain_text("This project keeps events for 90 days")
    expect(reasons).to_contain_text("colour is not a known field")
    screenshot("reasons")
    darken(page)
    screenshot("dark")


def test_numbers_come_up_to_date_and_close_nothing_that_was_opened(
    admin_page: Page, sender: ProjectClient
) -> None:
    page = admin_page
    page.goto(f"/admin/sources/?project={sender.project.pk}")
    row = page.locator("tbody", has_text="test")
    row.get_by_text("reasons why not all of it").click()
    expect(row.locator("td[data-label=Stored]")).to_have_text("1")
    sender.post(EVENTS, {"event_name": "later"})
    expect(row.locator("td[data-label=Stored]")).to_have_text("2", timeout=15_000)
    expect(row.locator("details")).to_have_attribute("open", "")
    expect(row.locator("summary")).to_be_focused()


def test_the_sources_page_is_whole_on_a_phone(
    admin_page: Page, screenshot: Keep, sender: ProjectClient
) -> None:
    page = admin_page
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/admin/sources/?project={sender.project.pk}")
    page.locator("tbody", has_text="test").get_by_text("reasons why not all of it").click()
    assert width_px(page) <= 390
    screenshot("open")


def test_an_empty_project_says_how_to_begin(admin_page: Page, screenshot: Keep) -> None:
    project = make_project("new")
    admin_page.goto(f"/admin/sources/?project={project.pk}")
    expect(admin_page.get_by_text("Nothing has arrived in the last day")).to_be_visible()
    screenshot("empty")
    admin_page.get_by_role("link", name="an API key").click()
    expect(admin_page.get_by_label("Name", exact=False).first).to_be_visible()


@pytest.mark.parametrize("width", [1440, 390])
def test_settings_of_each_client_can_be_copied(admin_page: Page, screenshot: Keep, width: int) -> None:
    page = admin_page
    make_project("shop")
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/admin/how-to-send/")
    screenshot("curl")
    page.get_by_role("link", name="OpenTelemetry SDK").click()
    expect(page.get_by_text("OTEL_EXPORTER_OTLP_ENDPOINT").first).to_be_visible()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("export OTEL_EXPORTER_OTLP_ENDPOINT=")
    assert width_px(page) <= width
    page.get_by_role("link", name="Segment libraries").click()
    expect(page.get_by_role("heading", name="Segment libraries", level=2)).to_be_visible()
    darken(page)
    screenshot("dark")
    page.go_back()
    expect(page.get_by_role("heading", name="OpenTelemetry SDK", level=2)).to_be_visible()


def test_the_form_of_a_key_shows_what_its_kind_has(admin_page: Page, screenshot: Keep) -> None:
    page = admin_page
    project = make_project("shop")
    page.goto(f"/admin/projects/apikey/add/?project={project.pk}&kind=browser")
    expect(page.get_by_label(re.compile("allowed origins", re.IGNORECASE))).to_be_visible()
    expect(page.get_by_text("Read telemetry")).to_be_hidden()
    screenshot("browser")
    page.get_by_label("Kind").select_option("server")
    expect(page.get_by_text("Read telemetry")).to_be_visible()
    expect(page.get_by_label(re.compile("allowed origins", re.IGNORECASE))).to_be_hidden()
    page.get_by_label("Kind").select_option("browser")
    page.get_by_role("textbox", name="Name*").fill("shop.example.com")
    page.get_by_label(re.compile("allowed origins", re.IGNORECASE)).fill("https://shop.example.com")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("copy it now, it can't be shown again")).to_be_visible()
    row = project.api_keys.get()
    assert (row.kind, row.scopes, row.record_limit_per_second) == ("browser", ["ingest"], 100)
    page.goto(f"/admin/projects/apikey/{row.pk}/change/")
    expect(page.get_by_label("Kind")).to_be_disabled()
    expect(page.get_by_label(re.compile("allowed origins", re.IGNORECASE))).to_have_value(
        "https://shop.example.com"
    )
    screenshot("change")


@pytest.fixture
def web_page(browser: Browser) -> Iterator[Page]:
    """A page of another origin than the platform's."""
    context = browser.new_context()
    with HTTPServer(host="127.0.0.1") as site:
        site.expect_request("/").respond_with_data("<h1>Shop</h1>", content_type="text/html")
        site.expect_request("/next").respond_with_data("<h1>Next</h1>", content_type="text/html")
        page = context.new_page()
        page.goto(site.url_for("/"))
        yield page
        context.close()


def _origin(page: Page) -> str:
    return str(page.evaluate("location.origin"))


def test_what_the_page_says_works_in_a_page_of_another_origin(
    web_page: Page, live_server: LiveServer
) -> None:
    project = make_project("shop")
    _, key = create_browser_key(project, "web", allowed_origins=[_origin(web_page)])
    fetch, beacon = (filled(part.text, live_server.url, key) for part in BROWSER.parts)
    status = web_page.evaluate(
        f"async () => {{ const answer = await {fetch.rstrip(';')}; return answer.status; }}"
    )
    assert status == 202
    web_page.evaluate(f"() => {{ {beacon} }}")
    web_page.goto(f"{_origin(web_page)}/next")
    # Nobody waits for a beacon, so that it is under way when the next page is there.
    api = client_of(project)
    wait_for(
        lambda: {row["event_name"] for row in api.results(EVENTS)} == {"page_view", "page_left"}, "the beacon"
    )


def test_a_page_reads_why_it_was_refused_and_a_strange_page_reads_nothing(
    web_page: Page, live_server: LiveServer
) -> None:
    project = make_project("shop")
    ask = """async ([url, key]) => {
        try {
            const headers = { "X-API-Key": key, "Content-Type": "application/json" };
            const answer = await fetch(url, { method: "POST", headers, body: "{" });
            return [answer.status, (await answer.json()).code];
        } catch (error) { return error.name; }
    }"""
    url = live_server.url + EVENTS
    _, own = create_browser_key(project, "own", allowed_origins=[_origin(web_page)])
    _, strange = create_browser_key(project, "strange", allowed_origins=["https://shop.example.com"])
    _, server = create_key(project, "server", ["ingest"])
    assert web_page.evaluate(ask, [url, own]) == [400, "malformed"]
    assert web_page.evaluate(ask, [url, "tp_unknown"]) == [401, "invalid_key"]
    assert web_page.evaluate(ask, [url, strange]) == "TypeError"
    assert web_page.evaluate(ask, [url, server]) == "TypeError"

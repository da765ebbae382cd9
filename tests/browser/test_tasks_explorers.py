"""What somebody wants to know who sees the explorers for the first time: each way, and how many clicks it takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from alerting.models import Rule
from projects.models import Project
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project
from tests.traces.made_spans import send

pytestmark = pytest.mark.django_db(transaction=True)

Keep = Callable[[str], None]
DEPLOYED_MINUTES_AGO = 25


@dataclass
class Newcomer:
    """Somebody with a browser on the overview, whose clicks are counted."""

    page: Page
    clicks: int = 0

    def click(self, target: Locator) -> None:
        self.clicks += 1
        target.click()

    def open(self, name: str) -> None:
        """A page of the side bar."""
        self.click(self.page.get_by_role("link", name=re.compile(f"{name}$")).first)


@pytest.fixture
def shop() -> Project:
    """A web shop whose checkout has been slow since a deploy, and a month of its requests, events and metrics."""
    project = make_project("shop")
    api, now = client_of(project), datetime.now(UTC)
    send_traces(api, now)
    send_events(api, now)
    send_load(api, now)
    return project


@pytest.fixture
def newcomer(shop: Project, admin_page: Page) -> Newcomer:
    admin_page.set_viewport_size({"width": 1440, "height": 900})
    admin_page.goto(f"/admin/?project={shop.pk}")
    return Newcomer(admin_page)


def send_traces(api: ProjectClient, now: datetime) -> None:
    """In one request: a hundred would take the test a second."""
    spans: list[dict[str, Any]] = []
    for number in range(110):
        # An hour by the minute, then a month by the half day.
        ago = timedelta(minutes=number + 1) if number < 60 else timedelta(hours=12 * (number - 59))
        charge_ms = 1900.0 + number if ago < timedelta(minutes=DEPLOYED_MINUTES_AGO) else 90.0 + number % 7
        for place, span in enumerate(checkout(charge_ms) if number % 3 else cart()):
            start = now - ago + timedelta(milliseconds=place)
            spans.append({**span, "trace_id": f"{number:032x}", "start_time": start.isoformat()})
    send(api, spans, now)


def checkout(charge_ms: float) -> list[dict[str, Any]]:
    charge: dict[str, Any] = {"tags": {"gateway": "acme"}, "kind": "client"}
    return [
        {"span_id": "root", "service_name": "web", "operation_name": "POST /checkout", "kind": "server",
         "duration_ms": charge_ms + 40, "user_id": "ana"},
        {"span_id": "session", "parent_span_id": "root", "service_name": "auth", "operation_name": "check session",
         "duration_ms": 12},
        {"span_id": "charge", "parent_span_id": "root", "service_name": "pay", "operation_name": "charge card",
         "duration_ms": charge_ms, **charge},
    ]  # fmt: skip


def cart() -> list[dict[str, Any]]:
    return [{"span_id": "root", "service_name": "web", "operation_name": "GET /cart", "duration_ms": 30}]


def send_events(api: ProjectClient, now: datetime) -> None:
    names = ("page_viewed", "cart_updated", "checkout_started", "order_paid")
    batch: list[dict[str, Any]] = [
        {
            "event_name": names[number % 4],
            "timestamp": (now - timedelta(seconds=40 * number + 5)).isoformat(),
            "user_id": ("ana", "bob", "eve")[number % 3],
            "session_id": f"session-{number % 3}",
            "properties": {"page": f"/products/{number}"},
        }
        for number in range(90)
    ]
    for minutes, service in ((DEPLOYED_MINUTES_AGO, "pay"), (DEPLOYED_MINUTES_AGO + 1, "web"), (58, "auth")):
        tags = {"service": service, "version": "1.42"}
        at = (now - timedelta(minutes=minutes)).isoformat()
        batch.append({"event_name": "deploy", "timestamp": at, "tags": tags})
    assert api.post("/api/v1/events", {"events": batch}).json()["accepted"] == len(batch)


def send_load(api: ProjectClient, now: datetime) -> None:
    points = [
        {
            "metric_name": "checkout_seconds",
            "metric_type": "gauge",
            "metric_unit": "s",
            "metric_value": 2.0 if minutes < DEPLOYED_MINUTES_AGO else 0.1,
            "service_name": "web",
            "timestamp": (now - timedelta(minutes=minutes)).isoformat(),
        }
        for minutes in range(1, 55)
    ]
    assert api.post("/api/v1/metrics", {"metrics": points}).json()["accepted"] == len(points)


def test_why_checkout_is_slow_takes_two_clicks_and_a_rule_for_it_two_more(
    newcomer: Newcomer, screenshot: Keep
) -> None:
    page = newcomer.page
    screenshot("overview")
    newcomer.open("Traces")
    expect(page.locator("#scatter[data-overlaid]")).to_be_visible()
    screenshot("traces")
    newcomer.click(page.get_by_role("link", name="POST /checkout").first)
    expect(page.get_by_role("row").filter(has_text="charge card")).to_be_visible()
    screenshot("trace")
    assert newcomer.clicks == 2

    newcomer.click(page.get_by_role("link", name="Make a rule"))
    newcomer.click(page.get_by_role("button", name="Save", exact=True))
    expect(page.get_by_text("was added successfully")).to_be_visible()
    assert newcomer.clicks == 4
    rule = Rule.objects.get()
    assert rule.source_type == "trace"
    assert rule.condition_config["filters"] == {"service_name": "web", "operation_name": "POST /checkout"}


def test_a_rule_made_from_a_chart_takes_four_clicks(newcomer: Newcomer, screenshot: Keep) -> None:
    page = newcomer.page
    newcomer.open("Metrics")
    newcomer.click(page.get_by_role("link", name="checkout_seconds"))
    expect(page.locator("#metric-chart[data-overlaid]")).to_be_visible()
    expect(page.locator("#metric-chart")).to_contain_text("deploy pay 1.42")
    screenshot("chart")
    newcomer.click(page.get_by_role("link", name="Make a rule"))
    screenshot("rule")
    newcomer.click(page.get_by_role("button", name="Save", exact=True))
    expect(page.get_by_text("was added successfully")).to_be_visible()
    assert newcomer.clicks == 4
    assert Rule.objects.get().condition_config["metric"] == "checkout_seconds"


def test_all_events_of_one_user_take_three_clicks_and_their_timeline_one_more(
    newcomer: Newcomer, screenshot: Keep
) -> None:
    page = newcomer.page
    newcomer.open("Events")
    expect(page.locator("#event-counts[data-overlaid]")).to_be_visible()
    screenshot("events")
    newcomer.click(page.locator(".events-row").filter(has_text="bob").first.get_by_role("link"))
    newcomer.click(page.get_by_role("link", name="All events of this user"))
    expect(page.get_by_role("region", name="Person")).to_contain_text("bob")
    expect(page.locator(".events-row").first).to_contain_text("bob")
    screenshot("user")
    assert newcomer.clicks == 3
    newcomer.click(page.get_by_role("link", name="Timeline", exact=True))
    expect(page).to_have_url(re.compile("/explore/people/bob/"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("bob")
    screenshot("timeline")
    assert newcomer.clicks == 4


def test_p95_of_a_service_over_thirty_days_takes_four_clicks(newcomer: Newcomer, screenshot: Keep) -> None:
    page = newcomer.page
    newcomer.open("Services")
    expect(page.get_by_role("heading", name="Who calls whom")).to_be_visible()
    screenshot("services")
    newcomer.click(page.get_by_role("rowheader").get_by_role("link", name="pay", exact=True))
    newcomer.click(page.locator(".range-picker summary"))
    newcomer.click(page.get_by_role("link", name="Last 30 d"))
    expect(page.locator("#spans-p95[data-overlaid]")).to_be_visible()
    expect(page).to_have_url(re.compile("range=30d"))
    expect(page.get_by_label("Service")).to_have_value("pay")
    screenshot("p95")
    assert newcomer.clicks == 4

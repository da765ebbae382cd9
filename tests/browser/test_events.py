"""Events: from a peak in the chart to one event, its user, and a live list."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.looks import darken, width_px
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db(transaction=True)

Keep = Callable[[str], None]
NAMES = ("page_viewed", "product_viewed", "cart_updated", "checkout_started", "order_paid")


@pytest.fixture
def shop() -> ProjectClient:
    """An hour of a web shop in which payments failed twenty minutes ago."""
    api = client_of(make_project("shop"))
    now = datetime.now(UTC)
    batch = [_event(number, now - timedelta(seconds=3.75 * number + 1)) for number in range(880)]
    batch += [
        {
            "event_name": "log",
            "event_type": "log",
            "severity": "warning",
            "timestamp": (now - timedelta(minutes=2 * number)).isoformat(),
            "source": "pay",
            "properties": {
                "body": f"Retrying the card network, attempt {number + 1} of 5: connection reset by peer"
            },
            "tags": {"host.name": f"web-{number % 3}"},
        }
        for number in range(20)
    ]
    batch.append(
        {
            "event_name": "deploy",
            "timestamp": (now - timedelta(minutes=24)).isoformat(),
            "tags": {"service": "pay", "version": "1.42"},
        }
    )
    assert api.post("/api/v1/events", {"events": batch}).json()["accepted"] == len(batch)
    return api


def _event(number: int, at: datetime) -> dict[str, Any]:
    minutes_ago = number * 3.75 / 60
    has_failed = 14 < minutes_ago < 22 and number % 3 == 0
    user = (number * 37) % 60
    return {
        "event_name": "payment_failed" if has_failed else NAMES[number % 5],
        "event_type": "error_event" if has_failed else "user_action",
        "event_category": "shop",
        "severity": "error" if has_failed else "info",
        "timestamp": at.isoformat(),
        "user_id": f"user-{user}",
        "session_id": f"session-{user}-{number % 2}",
        "tenant_id": f"t{number % 4}",
        "source": "web",
        "trace_id": f"{number:032x}",
        "duration_ms": 20 + number % 300,
        "tags": {"env": "production", "region": "eu" if number % 3 else "us", "version": "1.42"},
        "properties": {"amount": number % 90 + 0.5, "currency": "EUR", "page": f"/products/{number % 50}"},
    }


def test_from_a_peak_to_one_event_its_user_and_back(
    admin_page: Page, screenshot: Keep, shop: ProjectClient
) -> None:
    page = admin_page
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"/admin/explore/events/?project={shop.project.pk}")
    expect(page.locator("#event-counts[data-drawn]")).to_be_visible()
    expect(page.get_by_role("heading", name="901 events")).to_be_visible()
    expect(page.locator(".events-row")).to_have_count(50)
    screenshot("whole")
    page.get_by_role("region", name="Most frequent values").get_by_role(
        "link", name="payment_failed", exact=True
    ).click()
    expect(page.locator(".page-chip")).to_have_text(re.compile("event_name=payment_failed"))
    expect(page.locator(".events-row").first).to_contain_text("payment_failed")
    page.get_by_label("Counted by").select_option("tenant_id")
    expect(page).to_have_url(re.compile("by=tenant_id"))
    expect(page.locator("#event-counts[data-drawn]")).to_be_visible()
    screenshot("counted")

    row = page.locator(".events-row").nth(2)
    row.get_by_role("link").click()
    detail = page.locator("#event-detail")
    expect(detail.get_by_role("heading", name="payment_failed")).to_be_focused()
    expect(detail.locator("#event-whole")).to_contain_text('"currency": "EUR"')
    expect(row).to_have_attribute("aria-current", "true")
    screenshot("event")
    opened = page.url
    page.keyboard.press("Escape")
    expect(detail).to_be_empty()
    expect(row.get_by_role("link")).to_be_focused()
    page.go_forward()
    expect(detail.get_by_role("heading", name="payment_failed")).to_be_focused()
    expect(page).to_have_url(opened)
    page.locator(".events-row").nth(3).locator(".events-time").click()
    expect(page.locator(".events-row").nth(3)).to_have_attribute("aria-current", "true")
    page.go_back()
    expect(detail).to_be_empty()
    expect(page).to_have_url(re.compile("by=tenant_id$"))
    page.goto(opened)
    expect(detail.get_by_role("heading", name="payment_failed")).to_be_visible()

    detail.get_by_role("link", name="All events of this user").click()
    expect(page.get_by_role("region", name="Person")).to_contain_text("user-")
    expect(page.locator(".events-row").first).to_be_visible()
    screenshot("user")
    page.go_back()
    expect(detail.get_by_role("heading", name="payment_failed")).to_be_visible()
    darken(page)
    expect(page.locator("#event-counts[data-drawn='dark']")).to_be_visible()


def test_a_live_list_shows_what_arrives_but_not_while_one_reads(
    own_context: BrowserContext, admin_page: Page, screenshot: Keep, shop: ProjectClient
) -> None:
    page = admin_page
    page.set_viewport_size({"width": 1440, "height": 900})
    page.clock.install()
    page.goto(f"/admin/explore/events/?project={shop.project.pk}&columns=tenant_id,tags.region")
    page.get_by_role("button", name="Live").click()
    first = page.locator(".events-row").first
    expect(first).to_contain_text(re.compile("page_viewed|Retrying"))
    page.mouse.move(700, 60)
    shop.post("/api/v1/events", {"event_name": "sign_up", "severity": "critical"})
    page.clock.fast_forward(6000)
    expect(first).to_contain_text("sign_up")
    darken(page)
    screenshot("dark")
    first.hover()
    shop.post("/api/v1/events", {"event_name": "logged_out"})
    page.clock.fast_forward(6000)
    expect(page.get_by_text("Held still while you read.")).to_be_visible()
    expect(first).to_contain_text("sign_up")
    page.mouse.move(700, 60)
    page.clock.fast_forward(6000)
    expect(first).to_contain_text("logged_out")


def test_events_are_readable_on_a_phone(admin_page: Page, screenshot: Keep, shop: ProjectClient) -> None:
    page = admin_page
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/admin/explore/events/?project={shop.project.pk}&q=event_type=log")
    expect(page.locator(".events-row").first).to_contain_text("Retrying the card network")
    expect(page.locator("#event-counts[data-drawn]")).to_be_visible()
    screenshot("list")
    assert width_px(page) <= 390
    page.locator(".events-row").first.get_by_role("link").click()
    expect(page.locator("#event-detail .events-body")).to_contain_text("connection reset by peer")
    assert width_px(page) <= 390
    screenshot("event")

"""Sessions: from all of them to one person's timeline, and from an event there to its trace."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.admin_pages import TRACE, send_trace
from tests.browser.looks import darken, width_px
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db(transaction=True)

Keep = Callable[[str], None]
PATHS = ("/", "/products/7", "/cart", "/checkout", "/thanks")


@pytest.fixture
def shop() -> ProjectClient:
    """A day of visits, the last of which still goes on; one of its events has a trace."""
    api = client_of(make_project("shop"))
    now = datetime.now(UTC)
    batch = [event for number in range(80) for event in _visit(number, now)]
    assert api.post("/api/v1/events", {"events": batch}).json()["accepted"] == len(batch)
    send_trace(api, 0, now - timedelta(minutes=2))
    return api


def _visit(number: int, now: datetime) -> list[dict[str, Any]]:
    began = now - timedelta(minutes=5 + 17 * number)
    return [
        {
            "event_name": "page_viewed",
            "user_id": f"user-{number % 12}",
            "session_id": f"session-{number}" if number % 2 else None,
            "timestamp": (began + timedelta(seconds=step * (20 + 9 * (number % 9)))).isoformat(),
            "source": ("web", "app")[number % 2],
            "severity": "error" if step == 3 and number % 5 == 0 else "info",
            "trace_id": TRACE.format(0) if number == 0 and step == 2 else None,
            "properties": {"path": PATHS[step]},
        }
        for step in range(1 + number % 5 if number else 4)
    ]


def test_from_all_sessions_to_a_person_s_timeline_and_a_trace(
    admin_page: Page, screenshot: Keep, shop: ProjectClient
) -> None:
    page = admin_page
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"/admin/explore/sessions/?project={shop.project.pk}")
    expect(page.locator("#sessions-counts[data-drawn]")).to_be_visible()
    expect(page.get_by_role("region", name="Active now")).to_contain_text("2 active now")
    expect(page.get_by_role("region", name="How long sessions last")).to_contain_text("10 s to 30 s")
    screenshot("all")
    page.get_by_label("Gap, minutes").fill("600")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page).to_have_url(re.compile("gap_minutes=600"))
    expect(page.locator("#sessions-counts[data-drawn]")).to_be_visible()
    page.go_back()
    expect(page.locator("#sessions-counts[data-drawn]")).to_be_visible()
    expect(page.get_by_label("Gap, minutes")).to_have_value("30")
    newest = page.get_by_role("region", name="Newest sessions").get_by_role("row").nth(1)
    expect(newest).to_contain_text("/checkout")
    darken(page)
    expect(page.locator("#sessions-counts[data-drawn='dark']")).to_be_visible()
    screenshot("dark")
    newest.get_by_role("link", name="user-0").click()

    sessions = page.get_by_role("region", name=re.compile("^Session of"))
    expect(sessions.first).to_contain_text("path=/checkout")
    screenshot("person")
    page.set_viewport_size({"width": 390, "height": 844})
    screenshot("person-phone")
    assert width_px(page) <= 390
    sessions.first.get_by_role("link", name="Trace").click()
    expect(page.get_by_role("heading", name="POST /pay")).to_be_visible()
    page.goto(f"/admin/explore/sessions/?project={shop.project.pk}")
    expect(page.locator("#sessions-counts[data-drawn]")).to_be_visible()
    screenshot("phone")
    assert width_px(page) <= 390

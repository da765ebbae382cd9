"""Usage: from active people to who comes back, to a feature and who takes it up."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import darken, width_px
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db(transaction=True)

Keep = Callable[[str], None]
PEOPLE, DAYS = 120, 80


@pytest.fixture
def app() -> ProjectClient:
    """Some weeks of people who come, stay for a while, share reports later on, and go."""
    api = client_of(make_project("reports"))
    now, dice = datetime.now(UTC), random.Random(7)
    events: list[dict[str, Any]] = []
    for number in range(PEOPLE):
        joined = dice.randrange(DAYS)
        for day in range(joined, DAYS):
            if day == joined or dice.random() < 0.5 * 0.97 ** (day - joined):
                name = "report_shared" if dice.random() < 0.15 else "report_opened"
                at = now - timedelta(days=DAYS - day, minutes=dice.randrange(600) - 600)
                events.append(
                    {
                        "event_name": name,
                        "user_id": f"user-{number}",
                        "tenant_id": f"t{number % 4}",
                        "timestamp": min(at, now).isoformat(),
                    }
                )
    for first in range(0, len(events), 1000):
        batch = events[first : first + 1000]
        assert api.post("/api/v1/events", {"events": batch}).json()["accepted"] == len(batch)
    return api


def test_from_active_people_to_a_feature_of_one_s_own(
    admin_page: Page, screenshot: Keep, app: ProjectClient
) -> None:
    page = admin_page
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"/admin/explore/usage/?project={app.project.pk}")
    expect(page.locator("#usage-active[data-drawn]")).to_be_visible()
    expect(page.locator("#usage-stickiness[data-drawn]")).to_be_visible()
    screenshot("active")

    page.get_by_role("link", name="Retention").click()
    heat = page.get_by_role("region", name="Retention table")
    expect(heat.get_by_role("cell", name="100 %").first).to_be_visible()
    screenshot("retention")
    page.get_by_label("First event").fill("report_shared")
    page.get_by_label("First event").press("Enter")
    expect(page).to_have_url(re.compile("cohort_event=report_shared"))
    heat.get_by_role("link", name="Show people").click()
    expect(heat.get_by_role("link", name="Show shares")).to_be_visible()
    page.go_back()
    expect(heat.get_by_role("link", name="Show people")).to_be_visible()

    see_who_came_back(page, screenshot)

    page.get_by_role("link", name="Lifecycle").click()
    expect(page.locator("#usage-lifecycle[data-drawn]")).to_be_visible()
    screenshot("lifecycle")

    page.get_by_role("link", name="Features", exact=True).click()
    page.locator(".page-filters").get_by_role("link", name="New feature").click()
    page.locator("#id_name").fill("Sharing")
    page.locator("matcher-editor").get_by_label("Event name").fill("report_shared")
    screenshot("form")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#usage-adoption[data-drawn]")).to_be_visible()
    page.get_by_label("By values of").fill("tenant_id")
    page.get_by_label("By values of").press("Enter")
    expect(page.get_by_role("rowheader", name="t0")).to_be_visible()
    screenshot("feature")
    darken(page)
    expect(page.locator("#usage-adoption[data-drawn='dark']")).to_be_visible()
    screenshot("feature-dark")
    page.get_by_role("link", name="All features").click()
    expect(page.get_by_role("rowheader", name="Sharing")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    for view in ("features", "retention", "active", "lifecycle"):
        page.goto(f"/admin/explore/usage/?project={app.project.pk}&view={view}")
        expect(page.locator(".usage-panel .page-card").first).to_be_visible()
        assert width_px(page) <= 390
        screenshot(f"phone-{view}")


def see_who_came_back(page: Page, screenshot: Keep) -> None:
    """From a number of the retention table to its people, to one of them and back."""
    page.get_by_role("link", name="Retention").click()
    heat = page.get_by_role("region", name="Retention table")
    # The averages above may be 100 % as well, and lead nowhere.
    heat.get_by_role("cell", name="100 %").get_by_role("link").first.click()
    people = page.get_by_role("region", name="People")
    expect(people.get_by_role("heading")).to_contain_text("and came back in it")
    expect(heat.locator(".is-chosen")).to_have_count(1)
    screenshot("people")
    people.get_by_role("link", name=re.compile("^user-")).first.click()
    expect(page).to_have_url(re.compile("/people/user-"))
    page.go_back()
    darken(page)
    expect(people.get_by_role("heading")).to_contain_text("and came back in it")
    page.set_viewport_size({"width": 390, "height": 844})
    assert width_px(page) <= 390
    screenshot("people-phone-dark")
    page.set_viewport_size({"width": 1440, "height": 900})

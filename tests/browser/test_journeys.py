"""Journeys: from the list to a stage that people are stuck at, to one of them, and to alerts about the next ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.analytics.journeys.scene import TTF_EVENTS
from tests.browser.looks import darken, width_px
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db(transaction=True)

Keep = Callable[[str], None]
MINUTES = (4, 13, 31, 55)
"""From signing up to each milestone, of somebody who takes their time."""


@pytest.fixture
def shop() -> ProjectClient:
    """Three weeks of people, the slower the later they came; every third one stops somewhere on the way."""
    api = client_of(make_project("shop"))
    now = datetime.now(UTC)
    batch = [event for number in range(60) for event in _person(number, now)]
    assert api.post("/api/v1/events", {"events": batch}).json()["accepted"] == len(batch)
    return api


def _person(number: int, now: datetime) -> list[dict[str, Any]]:
    began = now - timedelta(hours=3 + 8 * number)
    reached = 5 if number % 3 else 1 + number % 4
    pace = 0.5 + (number % 7) / 4
    minutes = [0.0, *(pace * one for one in MINUTES)]
    return [
        {
            "event_name": name,
            "user_id": f"user-{number:02}",
            "timestamp": (began + timedelta(minutes=after)).isoformat(),
            "properties": {"plan": ("free", "pro", "team")[number % 3]},
        }
        for name, after in list(zip(TTF_EVENTS, minutes, strict=True))[:reached]
    ]


def test_from_all_journeys_to_who_is_stuck_on_one_and_alerts_about_them(
    admin_page: Page, screenshot: Keep, shop: ProjectClient
) -> None:
    page = admin_page
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"/admin/explore/journeys/?project={shop.project.pk}")
    row = page.get_by_role("row", name=re.compile("Time to first value"))
    expect(row).to_contain_text("60")
    screenshot("all")
    row.get_by_role("link", name="Time to first value").click()
    stages = page.get_by_role("region", name="Stages")
    expect(stages.get_by_role("row", name=re.compile("First agent"))).to_contain_text("over target")
    page.get_by_label("By", exact=True).fill("properties.plan")
    page.get_by_role("button", name="Show", exact=True).first.click()
    expect(page.get_by_role("region", name="By segment")).to_contain_text("team")
    screenshot("one")

    stuck = page.get_by_role("region", name="On the way")
    page.get_by_label("Waiting for").select_option("agent")
    expect(page).to_have_url(re.compile("waits_for=agent"))
    expect(page).to_have_url(re.compile("segment=properties.plan"))
    expect(stuck.get_by_role("row").nth(1)).to_contain_text("First agent")
    darken(page)
    screenshot("dark")
    stuck.get_by_role("row").nth(1).get_by_role("link").click()
    way = page.get_by_role("region", name="Time to first value")
    expect(way).to_contain_text(re.compile("has waited .* for First agent"))
    page.go_back()
    expect(stuck.get_by_role("row").nth(1)).to_contain_text("First agent")

    page.get_by_role("button", name="Add the usual alerts").click()
    expect(page.get_by_text("Choose on each who is told")).to_be_visible()
    expect(page.get_by_role("link", name="TTF above 75 minutes")).to_be_visible()
    expect(page).to_have_url(re.compile("waits_for=agent"))
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_role("region", name="Stages")).to_contain_text("First success")
    screenshot("phone")
    assert width_px(page) <= 390

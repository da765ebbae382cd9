"""The storage page as a person sees it: what is there, what goes next, a preview, a purge."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from events.records import EVENTS
from projects.jobs.running import run_slice
from projects.models import Project, RetentionPolicy
from storage import partitions
from storage.connections import connect
from tests.browser.looks import darken, width_px
from tests.clients import client_of
from tests.conftest import make_project
from tests.copied_events import copy_event

pytestmark = pytest.mark.django_db(transaction=True)

Keep = Callable[[str], None]
DAYS = 40


@pytest.fixture
def filled_project() -> Project:
    """Some weeks of events, more on workdays, and a project that keeps them for a shorter time than others."""
    project, other = make_project("shop"), make_project("archive")
    RetentionPolicy.objects.create(project=project, events_days=30)
    client_of(other).post("/api/v1/events", {"event_name": "hello"})
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=age) for age in range(DAYS)]
    partitions.ensure(EVENTS, days)
    for day in days:
        count = 100 + 150 * (7 - day.weekday())
        copy_event(other, project, partitions.start_of(day), count, timedelta(minutes=1))
    with connect() as own:
        own.execute("ANALYZE telemetry_events")
    return project


def test_a_superuser_sees_what_is_stored_and_previews_and_starts_a_purge(
    admin_page: Page, screenshot: Keep, filled_project: Project
) -> None:
    page = admin_page
    page.goto("/admin/storage/")
    events = page.locator("#telemetry_events")
    expect(events).to_contain_text("Events")
    expect(events).to_contain_text(f"{filled_project.slug} 30, others 90 days")
    screenshot("tables")
    events.get_by_role("link", name="Events").click()
    expect(events.locator(".storage-days tbody tr")).to_have_count(len(partitions.partitions(EVENTS)))
    screenshot("days")
    page.get_by_role("link", name="Preview").click()
    expect(
        page.get_by_text(re.compile(f"telemetry_events from before .* of {filled_project.slug}"))
    ).to_be_visible()
    darken(page)
    screenshot("dark")
    page.get_by_role("button", name="Purge now").click()
    expect(page.get_by_role("progressbar", name="Purge expired data")).to_be_visible()
    screenshot("purge")
    run_slice(60)
    expect(page.get_by_text("telemetry_events from before")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_count(0)


def test_the_storage_page_is_whole_on_a_phone(
    admin_page: Page, screenshot: Keep, filled_project: Project
) -> None:
    page = admin_page
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/admin/storage/?table=telemetry_events")
    expect(page.get_by_role("button", name="Purge now")).to_be_visible()
    screenshot("tables")
    assert width_px(page) <= 390

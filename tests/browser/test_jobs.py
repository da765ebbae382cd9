"""Long work as a person sees it: started beside what it is about, watched, stopped, fetched."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from projects.jobs import exporting
from projects.jobs.running import run_slice
from projects.models import Job
from tests.alerting.scenes import send_events
from tests.browser.looks import width_px
from tests.clients import client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db(transaction=True)

Keep = Callable[[str], None]
ONE_STEP = 1e-9


def test_somebody_exports_all_events_that_match_and_watches_it(
    admin_page: Page, screenshot: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FIRST_BATCH", "LARGEST_BATCH"):
        monkeypatch.setattr(exporting, name, 10)
    project = make_project("shop")
    now = timezone.now()
    for number in range(4):
        send_events(client_of(project), 10, now - timedelta(minutes=5 * number + 1), user_id=f"user-{number}")
    page = admin_page
    page.goto(f"/admin/explore/events/?project={project.pk}&event_name=failed")
    page.get_by_role("button", name="Export all that match as CSV").click()
    page.wait_for_url(re.compile(r"/admin/jobs/\d+/$"))
    expect(page.get_by_text("Waiting").first).to_be_visible()
    screenshot("waiting")

    # No reload from here on: the page follows by itself.
    page.evaluate("window.isTheSame = true")
    for _ in range(3):
        run_slice(ONE_STEP)
    bar = page.get_by_role("progressbar", name="Export events")
    expect(bar).to_have_attribute("value", re.compile(r"[1-9]\d?"))
    screenshot("running")
    run_slice(60)
    link = page.get_by_role("link", name="Download", exact=True)
    expect(link).to_be_visible()
    assert page.evaluate("window.isTheSame")
    with page.expect_download() as download:
        link.click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert len(lines) == 41
    assert download.value.suggested_filename.endswith(".csv")
    page.set_viewport_size({"width": 390, "height": 844})
    assert width_px(page) <= 390
    screenshot("done-phone")

    page.get_by_role("link", name="All jobs").click()
    expect(page.get_by_role("row", name=re.compile("Export events"))).to_contain_text("Done")
    assert width_px(page) <= 390


def test_somebody_rebuilds_roll_ups_and_changes_their_mind(admin_page: Page, screenshot: Keep) -> None:
    page = admin_page
    page.goto("/admin/storage/")
    today = timezone.now().date()
    page.get_by_label("From", exact=True).fill(f"{today - timedelta(days=7)}")
    page.get_by_role("button", name="Rebuild roll-ups").click()
    expect(page.get_by_role("heading", name="Rebuild roll-ups")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled").first).to_be_visible()
    screenshot("cancelled")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Waiting").first).to_be_visible()
    run_slice(60)
    expect(page.get_by_text("Done").first).to_be_visible()
    assert Job.objects.get().error == ""

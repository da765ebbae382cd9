"""A person silences alerts and sees what that hides while typing; plans maintenance and sees when it runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from alerting.models import MaintenanceWindow, Silence
from tests.alerting.policy.stage import fire
from tests.conftest import make_project

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_silence_shows_what_it_hides_before_it_is_made(
    admin_page: Page, screenshot: Callable[[str], None]
) -> None:
    project = make_project("shop")
    for host in ("web-1", "web-2"):
        fire(project, now=timezone.now(), labels={"host_name": host})
    page = admin_page
    page.goto("/admin/alerting/silence/add/")
    preview = page.locator(".silence-preview")
    expect(preview).to_contain_text("Enter a matcher")
    matchers = page.get_by_label("Alerts that match")
    matchers.fill("host_name")
    expect(preview).to_contain_text("must follow the name")
    matchers.fill("rule=~High.*")
    expect(preview).to_contain_text("Hides now: 2 open alerts")
    # What is half typed gives way to the suggestion; the next one begins a line of its own.
    matchers.fill("")
    suggestions = page.get_by_role("group", name="Suggestions")
    expect(suggestions.get_by_role("button")).not_to_have_count(0)
    matchers.press_sequentially("web-1")
    expect(suggestions.get_by_role("button")).to_have_count(1)
    suggestions.get_by_role("button", name='host_name="web-1"').click()
    expect(preview).to_contain_text("Hides now: 1 open alert")
    expect(matchers).to_have_value('host_name="web-1"')
    page.get_by_label("Why").fill("disk is being swapped")
    screenshot("silence")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#result_list")).to_contain_text("active")
    assert Silence.objects.get().matchers == ['host_name="web-1"']


def test_a_window_is_planned_with_plain_choices(admin_page: Page, screenshot: Callable[[str], None]) -> None:
    make_project("shop")
    page = admin_page
    page.goto("/admin/alerting/maintenancewindow/add/")
    page.get_by_label("Name").fill("Backup")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_label("Repeats").select_option("Every week")
    page.get_by_label("Sunday").check()
    screenshot("window")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.locator(".alert-table tbody tr")).to_have_count(5)
    screenshot("window_saved")
    assert MaintenanceWindow.objects.get().recurrence == "FREQ=WEEKLY;BYDAY=SU"
    page.goto("/admin/alerting/notificationpolicy/add/")
    screenshot("policy")

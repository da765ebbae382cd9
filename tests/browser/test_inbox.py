"""The inbox as a person on call uses it: by keys at a desk, by thumb on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from alerting.models import Alert, Silence, Status
from projects.models import Project
from tests.alerting.inbox.scene import alert, pending, resolved, silence
from tests.browser.looks import width_px
from tests.conftest import make_project

pytestmark = pytest.mark.django_db(transaction=True)

Keep = Callable[[str], None]


def scene() -> Project:
    """Three that fire, of falling severity; and one of each other state."""
    project = make_project("shop")
    alert(project, "Checkout error rate", 12, severity="critical", labels={"tenant": "t12", "route": "/pay"})
    alert(project, "p95 of checkout", 9, severity="error", labels={"service_name": "api"}, value=1900.0)
    alert(project, "Disk nearly full", 120, severity="warning", labels={"host_name": "web-2"}, value=91.0)
    alert(
        project,
        "Backup is late",
        600,
        severity="info",
        labels={},
        status=Status.ACKNOWLEDGED,
        acknowledged_by="bob",
    )
    alert(project, "Queue grows", 30, severity="warning", labels={"host_name": "db-1"})
    pending(project, "Slow search")
    resolved(project, "Certificate ends")
    silence(project, 'host_name="db-1"')
    return project


def current(page: Page) -> str:
    return page.locator(".inbox-row[aria-current] .inbox-open").inner_text()


def refreshed(page: Page) -> None:
    """Coming back to the tab refreshes the list, as its time does."""
    with page.expect_response(re.compile("panel=list")):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_the_inbox_is_worked_through_by_keys(admin_page: Page, screenshot: Keep) -> None:
    project = scene()
    page = admin_page
    page.goto(f"/admin/inbox/?project={project.pk}")
    expect(page.locator(".inbox-row")).to_have_count(3)
    screenshot("firing")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert current(page) == "p95 of checkout"
    page.keyboard.press("k")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_text("2 selected")).to_be_visible()

    # A refresh brings news and leaves the cursor, the focus and what is selected.
    alert(project, "Login fails", 0, severity="critical")
    refreshed(page)
    expect(page.locator(".inbox-row")).to_have_count(4)
    expect(page.get_by_text("2 selected")).to_be_visible()
    assert current(page) == "p95 of checkout"
    assert page.evaluate("document.activeElement.textContent") == "p95 of checkout"

    page.keyboard.press("a")
    expect(page.get_by_text("Acknowledged 2 alerts.")).to_be_visible()
    expect(page.locator(".inbox-row")).to_have_count(2)
    expect(page.locator("#tab-acknowledged")).to_contain_text("3")
    expect(page.get_by_text("None selected")).to_be_visible()

    page.keyboard.press("j")
    page.keyboard.press("s")
    page.keyboard.press("Enter")
    expect(page.get_by_text("for 30 min.")).to_be_visible()
    screenshot("silenced")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Ended 1 silence.")).to_be_visible()
    expect(page.locator(".inbox-row")).to_have_count(2)
    assert Silence.objects.count() == 2


def test_a_key_right_after_the_list_of_keys_was_closed_is_heard(admin_page: Page) -> None:
    page = admin_page
    page.goto(f"/admin/inbox/?project={scene().pk}")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    # Before the next frame the focus is still in the dialog.
    page.evaluate(
        """() => {
            const inside = document.activeElement;
            document.getElementById('inbox-keys').close();
            inside.dispatchEvent(new KeyboardEvent('keydown', { key: '/', bubbles: true, cancelable: true }));
        }"""
    )
    expect(page.locator("#inbox-search")).to_be_focused()


def test_the_inbox_is_searched_and_left_by_keys(admin_page: Page) -> None:
    project = scene()
    page = admin_page
    page.goto(f"/admin/inbox/?project={project.pk}")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    page.keyboard.press("/")
    page.keyboard.type("disk e")
    assert page.locator("#inbox-search").input_value().endswith("disk e")
    page.locator("#inbox-search").fill("disk")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("q=disk"))
    expect(page.locator(".inbox-row")).to_have_count(1)
    # Rows are there before the script that hears keys.
    page.wait_for_load_state("domcontentloaded")
    page.locator("body").press("j")
    page.keyboard.press("e")
    expect(page.get_by_text("Resolved Disk nearly full.")).to_be_visible()
    expect(page.get_by_text("Nothing passes these filters")).to_be_visible()
    page.go_back()
    expect(page.locator(".inbox-row")).to_have_count(2)
    page.keyboard.press("j")
    page.keyboard.press("o")
    expect(page.get_by_role("heading", name="Checkout error rate")).to_be_visible()


def test_the_inbox_is_whole_on_a_phone_and_in_the_dark(admin_page: Page, screenshot: Keep) -> None:
    project = scene()
    page = admin_page
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/admin/inbox/?project={project.pk}")
    screenshot("firing")
    assert width_px(page) <= 390
    page.get_by_role("button", name=re.compile("^Acknowledge Disk nearly full")).click()
    expect(page.get_by_text("Acknowledged Disk nearly full.")).to_be_visible()
    page.get_by_label(re.compile("^Select Checkout error rate")).check()
    page.locator("#inbox-silence summary").click()
    screenshot("menu")
    page.get_by_role("button", name="2 h", exact=True).click()
    expect(page.get_by_text("Silenced Checkout error rate for 2 h.")).to_be_visible()
    page.locator("#tab-silenced").click()
    expect(page.locator(".inbox-row")).to_have_count(2)
    screenshot("silenced")
    assert width_px(page) <= 390
    page.get_by_label(re.compile("^Select Queue grows")).check()
    page.get_by_label("Select all").check()
    page.locator("#inbox-assign summary").click()
    expect(page.get_by_label("Owner").locator("option")).to_have_count(2)
    page.get_by_role("button", name="Assign", exact=True).click()
    expect(page.get_by_text("Assigned 2 alerts to ada.")).to_be_visible()
    # Who acknowledged one owns it, too.
    assert set(Alert.objects.filter(assigned_to__username="ada").values_list("rule_name", flat=True)) == {
        "Checkout error rate",
        "Disk nearly full",
        "Queue grows",
    }

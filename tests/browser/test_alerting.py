"""The main job as a person sees it: make a rule, see the alert, answer it, see it resolved."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.alerting.scenes import make_rule, send_points, tick
from tests.browser.looks import width_px
from tests.clients import client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db(transaction=True)

Keep = Callable[[str], None]


def test_a_person_makes_a_rule_sees_its_alert_acknowledges_it_and_sees_it_resolved(
    admin_page: Page, screenshot: Keep
) -> None:
    api = client_of(make_project("shop"))
    page = admin_page
    page.goto("/admin/alerting/rule/add/")
    page.get_by_label(re.compile("^Name")).fill("High CPU Usage")
    page.get_by_label("Watch").select_option("metric_threshold:system_metric")
    page.get_by_label("Metric").fill("cpu_usage")
    page.get_by_label("One alert for each").fill("host_name")
    page.get_by_label("Threshold").fill("80")
    screenshot("form")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("avg cpu_usage of each host_name over 5 min > 80")).to_be_visible()

    now = timezone.now()
    send_points(api, [88, 96], now, host_name="web-1")
    send_points(api, [12, 14], now, host_name="web-2")
    tick(now)
    page.goto("/admin/alerting/alert/")
    expect(page.get_by_text("host_name=web-1").first).to_be_visible()
    expect(page.get_by_text("host_name=web-2")).to_have_count(0)
    screenshot("list")
    page.get_by_role("button", name=re.compile("^Acknowledge High CPU Usage")).click()
    expect(page.get_by_text("Acknowledged: High CPU Usage")).to_be_visible()

    page.get_by_role("link", name="High CPU Usage").first.click()
    expect(page.get_by_text("92").first).to_be_visible()
    page.locator("summary", has_text="Note").click()
    page.get_by_label("What you found").fill("batch job, ends at noon")
    page.get_by_role("button", name="Add note").click()
    page.locator("summary", has_text="Assign").click()
    page.get_by_label("Owner").select_option("ada")
    page.get_by_role("button", name="Assign").click()
    timeline = page.locator(".alert-timeline")
    expect(timeline).to_contain_text("Firing 92 > 80 by rule tick")
    expect(timeline).to_contain_text("Acknowledged by ada")
    expect(timeline).to_contain_text("batch job, ends at noon by ada")
    expect(timeline).to_contain_text("Assigned to ada")
    expect(page.locator("#alert-chart[data-drawn]")).to_be_visible()
    screenshot("alert")

    later = now + timedelta(minutes=6)
    send_points(api, [20], later, host_name="web-1")
    tick(later)
    page.locator("summary", has_text="Note").click()
    page.get_by_label("What you found").fill("half a")
    page.get_by_label("What you found").blur()
    # Who comes back to the tab sees at once that it is over, and finds what they were writing.
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(timeline).to_contain_text("Resolved 20 is no longer > 80 by rule tick")
    expect(page.get_by_role("toolbar").locator("summary", has_text="Resolve")).to_have_count(0)
    expect(page.get_by_label("What you found")).to_have_value("half a")
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)


def test_the_form_asks_only_for_what_the_chosen_rule_needs(admin_page: Page) -> None:
    make_project("shop")
    page = admin_page
    page.goto("/admin/alerting/rule/add/")
    page.get_by_label("Watch").select_option("event_frequency:telemetry_event")
    event_name = page.get_by_label("Event name").first
    expect(event_name).to_be_visible()
    expect(page.get_by_label(re.compile(r"^Metric\b"))).to_be_hidden()
    page.get_by_label("Watch").select_option("metric_threshold:trace")
    expect(event_name).to_be_hidden()
    expect(page.get_by_label(re.compile(r"^Metric\b"))).to_be_visible()


def test_the_form_suggests_the_operator_of_the_chosen_rule(admin_page: Page) -> None:
    make_project("shop")
    page = admin_page
    page.goto("/admin/alerting/rule/add/")
    watch, operator = page.get_by_label("Watch"), page.get_by_label(re.compile(r"^Is\b"))
    expect(operator).to_have_value(">=")
    watch.select_option("metric_threshold:system_metric")
    expect(operator).to_have_value(">")
    watch.select_option("event_frequency:telemetry_event")
    expect(operator).to_have_value(">=")
    operator.select_option("<")
    watch.select_option("metric_threshold:trace")
    expect(operator).to_have_value("<")


def test_the_alert_page_is_whole_on_a_phone(admin_page: Page, screenshot: Keep) -> None:
    api = client_of(make_project("shop"))
    make_rule(api)
    now = timezone.now()
    send_points(api, [96], now, host_name="a-host-with-a-rather-long-name.eu-central-1.compute.example.org")
    tick(now)
    page = admin_page
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/admin/alerting/alert/")
    screenshot("list")
    page.get_by_role("link", name="High CPU Usage").first.click()
    expect(page.get_by_role("button", name="Acknowledge")).to_be_visible()
    assert width_px(page) <= 390
    screenshot("alert")
    page.locator("summary", has_text="Resolve").click()
    page.get_by_role("button", name="Resolve now").click()
    expect(page.get_by_text("Resolved: High CPU Usage")).to_be_visible()

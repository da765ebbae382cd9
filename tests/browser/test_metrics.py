"""Metrics as people look for them: a slow service over weeks, a chart with its alerts, a rule made of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from metrics.distribution import Distribution
from metrics.recording import record_points
from metrics.records import PointRecord
from projects.models import Project
from tests.alerting.scenes import make_rule, send_points, tick
from tests.browser.looks import darken, width_px
from tests.clients import client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db(transaction=True)

Keep = Callable[[str], None]
METRICS = "/admin/explore/metrics/"


def send_latency(project: Project) -> None:
    """Durations of two services, some of them three weeks old."""
    for ago in (
        *(timedelta(minutes=minutes) for minutes in range(2, 50)),
        timedelta(days=20),
        timedelta(days=21),
    ):
        at = datetime.now(UTC) - ago
        points = [
            PointRecord(
                metric_name="http.server.duration", metric_type="histogram", metric_unit="ms", timestamp=at,
                service_name=service, tags={"route": "/pay"},
                distribution=Distribution.of([20.0, 30.0, slow + at.minute]),
            )
            for service, slow in (("api", 180.0), ("web", 900.0))
        ]  # fmt: skip
        assert record_points(project.pk, points, at) == []


def test_p95_of_a_service_over_thirty_days_is_five_clicks_away(admin_page: Page, screenshot: Keep) -> None:
    project = make_project("shop")
    send_latency(project)
    page = admin_page
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto("/admin/")
    page.get_by_role("link", name=re.compile("Metrics$")).click()
    page.get_by_role("link", name="http.server.duration").click()
    chart = page.locator("figure#metric-chart")
    expect(chart).to_have_attribute("data-drawn", "light")
    page.locator(".metric-label").get_by_role("link", name="api").click()
    page.locator(".range-picker summary").click()
    page.get_by_role("link", name="Last 30 d").click()
    expect(page).to_have_url(re.compile("service_name=api"))
    expect(chart).to_have_attribute("data-drawn", "light")
    expect(page.locator(".page-card-head h2").first).to_have_text("p95 http.server.duration ms")
    chart.get_by_text("Table", exact=True).click()
    # Two days of three weeks ago, and today in one or two pieces of six hours.
    expect(chart.locator("tbody tr").nth(2)).to_be_visible()
    page.go_back()
    expect(page).not_to_have_url(re.compile("range=30d"))
    expect(chart).to_have_attribute("data-drawn", "light")
    page.set_viewport_size({"width": 390, "height": 844})
    picture = "document.querySelector('#metric-chart .main-svg')"
    page.wait_for_function(f"{picture}.getBoundingClientRect().right <= 390")
    assert width_px(page) <= 390
    screenshot("phone")


def test_a_chart_shows_its_alerts_and_becomes_a_rule(admin_page: Page, screenshot: Keep) -> None:
    project = make_project("shop")
    api = client_of(project)
    now = timezone.now()
    for host, level in (("web-1", 88), ("web-2", 34)):
        send_points(
            api, [level + step % 5 for step in range(160)], now, host_name=host, metric_unit="percent"
        )
    rule = make_rule(api, name="CPU is high")
    make_rule(api, name="Far", threshold=1e300)
    tick(now)
    page = admin_page
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{METRICS}?project={project.pk}&metric_name=cpu_usage&group_by=host_name")
    chart = page.locator("figure#metric-chart")
    expect(chart).to_have_attribute("data-overlaid", "yes")
    overlays = chart.locator(".chart-overlays")
    expect(overlays).to_contain_text("CPU is high > 80")
    expect(overlays).to_contain_text("CPU is high host_name=web-1: firing")
    expect(chart.locator(".shapelayer path")).not_to_have_count(0)
    # What lies too far away is named at the edge, and leaves the lines their height.
    expect(overlays).to_contain_text("Far > 1e+300 (threshold, too far away to be drawn)")
    expect(chart.locator(".annotation-text", has_text="↑ Far > 1e+300")).to_be_visible()
    expect(chart.locator(".yaxislayer-above, .ytick", has_text="80").first).to_be_attached()
    page.get_by_label("Compare with").select_option("before")
    expect(page).to_have_url(re.compile("compare=before"))
    expect(chart).to_have_attribute("data-overlaid", "yes")
    screenshot("light")
    darken(page)
    expect(chart).to_have_attribute("data-drawn", "dark")
    expect(overlays).to_be_visible()
    screenshot("dark")
    page.get_by_role("link", name="Make a rule").click()
    expect(page.locator("#id_metric")).to_have_value("cpu_usage")
    expect(page.locator("#id_group_by")).to_have_value("host_name")
    assert 88 <= float(page.locator("#id_threshold").input_value()) <= 92
    expect(page.locator(".rule-preview-summary")).to_contain_text("would")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Average of cpu_usage").first).to_be_visible()
    assert rule.project.rules.count() == 3


def test_names_are_found_and_drawn_beside_each_other(admin_page: Page, screenshot: Keep) -> None:
    project = make_project("shop")
    send_latency(project)
    send_points(client_of(project), [30, 40, 50], timezone.now(), service_name="api", metric_unit="percent")
    page = admin_page
    page.goto(f"{METRICS}?project={project.pk}")
    expect(page.locator(".metric-names tbody tr")).to_have_count(2)
    screenshot("names")
    page.get_by_label("Name contains").fill("CPU")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".metric-names tbody tr")).to_have_count(1)
    page.get_by_role("link", name="cpu_usage").click()
    page.get_by_role("link", name="Add a metric").click()
    page.get_by_role("link", name="http.server.duration").click()
    chart = page.locator("figure#metric-chart")
    expect(chart.locator(".legendtext")).to_have_text(["p95 http.server.duration", "avg cpu_usage"])
    page.get_by_role("link", name="Remove").first.click()
    expect(page.locator(".metric-head")).to_have_count(1)

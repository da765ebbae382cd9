"""Finding a slow trace and why it is slow, in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from projects.models import Project
from tests.browser.looks import width_px
from tests.clients import client_of
from tests.conftest import make_project
from tests.traces.made_spans import send

pytestmark = pytest.mark.django_db(transaction=True)

Keep = Callable[[str], None]


def checkout(number: int, charge_ms: float) -> list[dict[str, Any]]:
    """A checkout through four services; a slow charge fails."""
    failed = {"status": "error"} if charge_ms > 1000 else {}
    common = {"trace_id": f"checkout-{number:02}"}
    return [
        {**common, **fields}
        for fields in (
            {"span_id": "root", "service_name": "web", "operation_name": "POST /checkout", "kind": "server",
             "duration_ms": charge_ms + 60, **failed},
            {"span_id": "auth", "parent_span_id": "root", "service_name": "web", "operation_name": "auth",
             "duration_ms": 12},
            {"span_id": "charge", "parent_span_id": "root", "service_name": "pay", "operation_name": "charge",
             "kind": "server", "duration_ms": charge_ms, "user_id": "u-7", "tags": {"card": "visa"}, **failed},
            {"span_id": "sql", "parent_span_id": "charge", "service_name": "db", "operation_name": "SELECT cards",
             "duration_ms": 20},
        )
    ]  # fmt: skip


def shop() -> Project:
    project = make_project("shop")
    start = datetime.now(UTC) - timedelta(minutes=51)
    spans = [
        {**span, "start_time": (start + timedelta(minutes=2 * number, milliseconds=place)).isoformat()}
        for number in range(20)
        for place, span in enumerate(checkout(number, 1900 if number == 13 else 80 + number))
    ]
    send(client_of(project), spans, start)
    return project


def test_a_slow_trace_is_found_and_says_what_it_waited_for(admin_page: Page, screenshot: Keep) -> None:
    project, page = shop(), admin_page
    page.goto(f"/admin/explore/traces/?project={project.pk}")
    expect(page.locator("#scatter[data-drawn]")).to_be_visible()
    expect(page.get_by_role("link", name="POST /checkout")).to_have_count(20)
    screenshot("search")
    page.get_by_label("Status").select_option("error")
    page.get_by_label("Longer than").fill("500")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="POST /checkout").click()
    expect(page).to_have_url(re.compile("/explore/traces/checkout-13/"))
    rows = page.get_by_role("row")
    expect(rows.filter(has_text="charge")).to_have_class(re.compile("is-critical"))
    screenshot("trace")

    page.get_by_role("button", name="Children of charge").click()
    expect(rows.filter(has_text="SELECT cards")).to_be_hidden()
    page.get_by_role("link", name="web POST /checkout").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    expect(page.get_by_role("link", name="db SELECT cards")).to_be_focused()
    page.get_by_role("link", name="pay charge").click()
    panel = page.get_by_role("complementary", name="Span")
    expect(panel.get_by_role("link", name="visa")).to_be_visible()
    expect(page).to_have_url(re.compile("span_id=charge"))
    screenshot("span")
    page.reload()
    expect(panel.get_by_role("link", name="Events of this span")).to_have_attribute(
        "href", re.compile("/admin/explore/events/.*span_id=charge")
    )
    page.go_back()
    expect(page).to_have_url(re.compile("min_duration_ms=500"))


def test_a_drag_over_the_dots_zooms_and_two_traces_of_that_time_are_compared(
    admin_page: Page, screenshot: Keep
) -> None:
    project, page = shop(), admin_page
    page.goto(f"/admin/explore/traces/?project={project.pk}")
    expect(page.locator("#scatter[data-drawn]")).to_be_visible()
    plot = page.locator("#scatter .nsewdrag").bounding_box()
    assert plot
    # Over the last half of the hour: what began from 29 minutes ago on, every other minute.
    page.mouse.move(plot["x"] + plot["width"] / 2, plot["y"] + 40)
    page.mouse.down()
    page.mouse.move(plot["x"] + plot["width"] - 2, plot["y"] + 80, steps=5)
    page.mouse.up()
    expect(page).to_have_url(re.compile("start=.*&end="))
    expect(page.get_by_role("link", name="POST /checkout")).to_have_count(9)
    page.get_by_role("checkbox", name="Compare checkout-12").check()
    page.get_by_role("checkbox", name="Compare checkout-13").check()
    page.get_by_role("button", name="Compare two").click()
    expect(page.get_by_role("row").filter(has_text="pay charge")).to_contain_text("-1.81 s")
    screenshot("compare")


def test_the_map_of_services_leads_to_what_a_service_did(admin_page: Page, screenshot: Keep) -> None:
    project, page = shop(), admin_page
    page.goto(f"/admin/explore/services/?project={project.pk}")
    expect(page.get_by_role("link", name=re.compile("pay: failing"))).to_be_visible()
    screenshot("services")
    page.get_by_role("link", name=re.compile("pay: failing")).click()
    expect(page.get_by_role("link", name="POST /checkout").first).to_be_visible()
    expect(page.get_by_label("Service")).to_have_value("pay")


def test_pages_of_traces_are_whole_on_a_phone_and_in_the_dark(admin_page: Page, screenshot: Keep) -> None:
    project, page = shop(), admin_page
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    ends = {
        "traces/": page.get_by_role("link", name="POST /checkout").first,
        "traces/checkout-13/?span_id=charge&": page.get_by_role("link", name="visa"),
        "services/": page.get_by_role("link", name=re.compile("pay: failing")),
        "compare/?a=checkout-12&b=checkout-13&": page.get_by_text("Side by side"),
    }
    for path, end in ends.items():
        mark = "" if "?" in path else "?"
        page.goto(f"/admin/explore/{path}{mark}project={project.pk}")
        expect(end).to_be_visible()
        assert width_px(page) <= 390, path
        screenshot(path.split("/")[0] + ("-one" if "13" in path else ""))

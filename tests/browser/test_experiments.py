"""Somebody finds an experiment in the data, sets it up, and reads what it says."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.analytics.experiments.scene import group, seen, send
from tests.browser.axe import grave_violations
from tests.browser.looks import width_px
from tests.clients import client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db(transaction=True)

Keep = Callable[[str], None]


def test_an_experiment_in_the_data_is_set_up_and_read(admin_page: Page, screenshot: Keep) -> None:
    project = make_project("shop")
    send(
        client_of(project),
        *(*group("control", 300, 36), *group("green button", 300, 63), *group("big button", 300, 40)),
        *(seen("ana", "control"), seen("ana", "green button", 1)),
    )
    page = admin_page
    page.goto(f"/admin/explore/experiments/?project={project.pk}")
    expect(page.get_by_role("heading", name="No experiment is set up")).to_be_visible()
    screenshot("empty")
    page.get_by_role("link", name="Set up checkout").click()
    expect(page.get_by_label("Control")).to_have_value("control")
    expect(page.get_by_label("Event name").first).to_have_value("experiment_viewed")

    page.get_by_label("Planned people").fill("800")
    page.get_by_label("Minimum days").fill("2")
    page.locator("[name=metrics-0-name]").fill("Orders paid")
    page.locator("matcher-editor").nth(1).get_by_label("Event name").fill("order_paid")
    screenshot("form")
    page.get_by_role("button", name="Save", exact=True).click()

    page.wait_for_url(re.compile(r"/admin/explore/experiments/checkout/"))
    expect(
        page.get_by_text(re.compile("^green button converts 9 points more than the control"))
    ).to_be_visible()
    row = page.get_by_role("row", name=re.compile("^green button 300 63"))
    expect(row).to_contain_text("better")
    expect(
        page.get_by_role("row", name=re.compile("^big button 300 40.*no difference shown"))
    ).to_be_visible()
    expect(page.get_by_text("Left out: 1 who saw more than one variant")).to_be_visible()
    expect(page.locator("#experiment-people .main-svg").first).to_be_visible()
    screenshot("results")
    page.get_by_text("What these figures are").click()
    expect(page.get_by_text("two-sided z-test with the pooled share")).to_be_visible()
    assert grave_violations(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert width_px(page) <= 390
    screenshot("results-phone")
    page.get_by_role("link", name="Make a rule: Orders paid").click()
    expect(page.locator("[name=metric]")).to_have_value("experiment_conversion_ratio")
    expect(page.locator("[name=threshold]")).to_have_value("0.096")
    screenshot("rule")

"""The rule form of every type, as a newcomer meets it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from alerting.admin.rule_form_fields import hints, watches
from alerting.rule_types.fields import EventsField
from tests.browser.looks import width_px
from tests.conftest import make_project

pytestmark = pytest.mark.django_db(transaction=True)

ADD = "/admin/alerting/rule/add/"


def test_every_pair_shows_its_own_fields_and_defaults_on_a_phone(admin_page: Page) -> None:
    make_project("shop")
    page = admin_page
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(ADD)
    everything = {name for fields in watches().values() for name in fields}
    matchers = {
        name
        for fields in watches().values()
        for name, field in fields.items()
        if isinstance(field, EventsField)
    }
    for watch, fields in watches().items():
        page.locator("#id_watch").select_option(watch)
        expect(page.locator("#watch_hint")).to_have_text(hints()[watch])
        for name in everything:
            field = page.locator(f"#id_{name}")
            # Of a matcher its fields are shown instead of its JSON.
            shown = page.locator("matcher-editor", has=field) if name in matchers else field
            expect(shown).to_be_visible(visible=name in fields)
        assert width_px(page) <= 390


def test_what_nobody_touched_gives_way_and_the_rest_stays(admin_page: Page) -> None:
    make_project("shop")
    page = admin_page
    page.goto(ADD)
    watch, group_by = page.locator("#id_watch"), page.get_by_label("One alert for each")
    window, threshold = page.get_by_label(re.compile("Over the last")), page.get_by_label("Threshold")
    watch.select_option("new_value:telemetry_event")
    expect(group_by).to_have_value("event_name")
    watch.select_option("anomaly:system_metric")
    expect(group_by).to_have_value("")
    expect(window).to_have_value("60")
    expect(threshold).to_have_value("4")
    threshold.fill("6")
    watch.select_option("ratio:system_metric")
    expect(page.get_by_label("Aggregation")).to_have_value("rate")
    expect(window).to_have_value("5")
    expect(threshold).to_have_value("6")

"""The rule form as a person fills it in: every rule type, what it would have done, and another threshold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import pytest
from playwright.sync_api import Locator, Page, expect

from alerting.admin.rule_form_fields import watches
from alerting.models import Rule
from alerting.rule_types.fields import EventsField
from tests.alerting.backtest.scene import RULES, send_all
from tests.browser.looks import darken, width_px
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db(transaction=True)

Keep = Callable[[str], None]
ADD = "/admin/alerting/rule/add/"


@pytest.fixture
def shop() -> ProjectClient:
    api = client_of(make_project("shop"))
    send_all(api)
    return api


def fill(page: Page, watch: str, fields: Mapping[str, str]) -> None:
    """Fill in fields by the names they are posted under; of a matcher the event's name."""
    page.locator("#id_watch").select_option(watch)
    for name, text in fields.items():
        field = field_of(page, watch, name)
        if field.evaluate("one => one.tagName") == "SELECT":
            field.select_option(text)
        else:
            field.fill(text)


def field_of(page: Page, watch: str, name: str) -> Locator:
    is_matcher = isinstance(watches()[watch].get(name), EventsField)
    return editor(page, name).get_by_label("Event name") if is_matcher else page.locator(f"#id_{name}")


def editor(page: Page, name: str) -> Locator:
    return page.locator("matcher-editor", has=page.locator(f"#id_{name}"))


FORMS: list[tuple[str, dict[str, str], str]] = [
    (
        "metric_threshold:system_metric",
        {"metric": "cpu_usage", "group_by": "host_name", "threshold": "80", "critical_threshold": "96"},
        "avg cpu_usage of each host_name over 5 min > 80",
    ),
    (
        "event_frequency:telemetry_event",
        {"events": "failed", "threshold": "15"},
        "number of failed events over 5 min >= 15",
    ),
    ("absence:telemetry_event", {"events": "heartbeat"}, "no heartbeat events for 5 min"),
    (
        "ratio:telemetry_event",
        {
            "numerator_events": "paid",
            "denominator_events": "checkout_started",
            "operator": "<",
            "threshold": "0.5",
        },
        "paid events / checkout_started events over 5 min < 50 %",
    ),
    (
        "change:telemetry_event",
        {"events": "paid", "operator": "<", "threshold": "-50"},
        "change of number of paid events over 5 min against the window before < -50 %",
    ),
    (
        "anomaly:telemetry_event",
        {"events": "order", "history_weeks": "1"},
        "number of order events over 1 h > 4 deviations above or below the usual",
    ),
    (
        "slo_burn_rate:trace",
        {"bad": "status=error", "objective": "0.98"},
        "spans where status is error burn the budget of 98 %",
    ),
    (
        "new_value:telemetry_event",
        {"events": "deployed", "group_by": "tags.version"},
        "new tags.version in deployed events within 5 min",
    ),
    ("composite:rule", {"rules": "few heartbeats", "need": "any"}, "any of few heartbeats fires"),
]


def test_every_rule_type_is_filled_in_previewed_saved_and_shown_again(
    admin_page: Page, shop: ProjectClient
) -> None:
    stored = {"name": "few heartbeats", **RULES["few heartbeats"]}
    assert shop.post("/api/v1/alert-rules/", stored).status_code == 201
    page = admin_page
    summary = page.locator(".rule-preview-summary")
    for watch, fields, sentence in FORMS:
        page.goto(ADD)
        fill(page, watch, fields)
        expect(summary, watch).to_contain_text(re.compile("would (not )?have fired"))
        page.locator("#id_name").fill(watch)
        page.get_by_role("button", name="Save and continue editing").click()
        expect(page.get_by_text(sentence).first, watch).to_be_visible()
        saved = Rule.objects.get(name=watch)
        assert f"{saved.rule_type}:{saved.source_type}" == watch
        for name, text in fields.items():
            field = field_of(page, watch, name)
            expect(field, watch).to_have_value(re.compile(rf"^{re.escape(text)}(\.0)?$"))
    # Of a stored rule, too; once, as it takes a second each.
    expect(summary).to_contain_text(re.compile("would (not )?have fired"))


def test_events_are_chosen_with_suggestions_and_the_preview_follows(
    admin_page: Page, shop: ProjectClient, screenshot: Keep
) -> None:
    page = admin_page
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(ADD)
    fill(page, "event_frequency:telemetry_event", {"events": "failed", "threshold": "25"})
    summary = page.locator(".rule-preview-summary")
    expect(summary).to_contain_text("would have fired once")
    failed = editor(page, "events")
    failed.get_by_role("button", name="Add a condition").click()
    failed.get_by_label("Field").fill("tags.region")
    expect(failed.locator("datalist option[value='tags.region']")).to_have_count(1)
    failed.get_by_label("Comparison").select_option("is not")
    failed.get_by_label("Value", exact=True).fill("eu")
    expect(summary).to_contain_text("would not have fired")
    failed.get_by_role("button", name="or another event").click()
    failed.get_by_label("Event name").nth(1).fill("paid")
    expect(summary).to_contain_text("would have fired")
    screenshot("light")
    page.locator("#id_name").fill("failed or paid")
    page.get_by_role("button", name="Save and continue editing").click()
    sentence = "number of any events where (failed where tags.region is not eu or paid) over 5 min >= 25"
    expect(page.get_by_text(sentence).first).to_be_visible()
    assert Rule.objects.get(name="failed or paid").condition_config["any_of"] == [
        {"event_name": "failed", "filters": {"tags.region": {"not": {"equals": "eu"}}}},
        {"event_name": "paid"},
    ]
    expect(editor(page, "events").get_by_label("Event name")).to_have_count(2)
    page.set_viewport_size({"width": 390, "height": 844})
    darken(page)
    editor(page, "events").scroll_into_view_if_needed()
    screenshot("phone")
    assert width_px(page) <= 390


def test_a_threshold_is_chosen_from_what_others_would_have_done(
    admin_page: Page, shop: ProjectClient, screenshot: Keep
) -> None:
    page = admin_page
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(ADD)
    errors = page.locator(".rule-preview-errors")
    expect(errors).to_contain_text("Still to fill in")
    fill(page, "metric_threshold:system_metric", {"metric": "cpu_usage", "group_by": "host_name"})
    page.locator("#id_threshold").fill("80")
    page.locator("#id_critical_threshold").fill("99")
    page.locator("#id_recovery_threshold").fill("70")
    page.locator("#id_for_seconds").fill("120")
    summary = page.locator(".rule-preview-summary")
    expect(summary).to_contain_text("would have fired twice")
    screenshot("light")
    page.locator(".rule-curve button", has_text=re.compile("fires 0")).first.click()
    expect(summary).to_contain_text("would not have fired")
    assert float(page.locator("#id_threshold").input_value()) > 80

    page.get_by_text("Backtest", exact=True).click()
    page.get_by_role("button", name="Run backtest").click()
    expect(summary).to_contain_text(" UTC it would")
    darken(page)
    screenshot("dark")


def test_the_preview_is_whole_on_a_phone_and_says_where_there_is_nothing(
    admin_page: Page, shop: ProjectClient, screenshot: Keep
) -> None:
    page = admin_page
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(ADD)
    fill(page, "metric_threshold:system_metric", {"metric": "disk_usage", "threshold": "80"})
    result = page.locator(".rule-preview-result")
    expect(result).to_contain_text("In the last 6 h there is no data of disk_usage in shop.")
    page.locator("#id_metric").fill("cpu_usage")
    page.locator("#id_threshold").fill("60")
    expect(result).to_contain_text("would have fired")
    screenshot("phone")
    assert width_px(page) <= 390

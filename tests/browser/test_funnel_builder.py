"""A funnel is built, looked at, saved and recorded, and its people are found, all in the browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from analytics.funnels.recording import record
from analytics.models.funnels import SavedFunnel
from tests.browser.axe import grave_violations
from tests.browser.looks import darken, width_px
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db(transaction=True)
FUNNELS = "/admin/explore/funnels/"
HOSTILE = '<img src=x onerror="document.title=1">'
Keep = Callable[[str], None]


def send_shop(api: ProjectClient) -> None:
    """Forty people see, half of them add, a quarter pays, three days of them; some look for help."""
    events = []
    for number in range(40):
        at = datetime.now(UTC) - timedelta(days=number % 3, minutes=200 + number)
        names = ["product_seen", *["cart_added"] * (number % 2 == 0), *["order_paid"] * (number % 4 == 0)]
        names += ["help_opened"] * (number % 4 == 2)
        for place, name in enumerate(names):
            events.append(
                {
                    "event_name": name,
                    "user_id": f"user-{number}",
                    "timestamp": (at + timedelta(minutes=place * (3 + number % 5))).isoformat(),
                    "tags": {"plan": ("gold", "silver", HOSTILE)[number % 3]},
                    "properties": {"amount": number},
                }
            )
    assert api.post("/api/v1/events", {"events": events}).json()["accepted"] == len(events)


def counts(page: Page) -> list[str]:
    return page.locator(".funnel-bar-head > a").all_inner_texts()


def build(page: Page) -> None:
    """The first step by a chip, the second by what comes next, the third typed with a condition."""
    bars = page.locator(".funnel-bars > li")
    page.get_by_role("link", name=re.compile("^product_seen")).click()
    expect(bars).to_have_count(1)
    page.locator("#panel-next").get_by_role("link", name=re.compile("cart_added")).click()
    expect(bars).to_have_count(2)
    page.get_by_role("button", name="Add a step").click()
    third = page.locator(".funnel-step").nth(2)
    third.get_by_label("Event name").fill("order_paid")
    expect(bars).to_have_count(3)
    assert counts(page) == ["40", "20", "10"]
    third.get_by_role("button", name="Add a condition").click()
    third.get_by_label("Field").fill("properties.amount")
    expect(third.locator("datalist option[value='properties.amount']")).to_have_count(1)
    third.get_by_label("Comparison").select_option("is at least")
    third.get_by_label("Value", exact=True).fill("20")
    expect(page.locator(".funnel-bar-head > a").nth(2)).to_have_text("5")


def save(page: Page, name: str) -> None:
    page.locator("summary", has_text="Save").click()
    form = page.locator("#funnel-save")
    form.get_by_label("Name").fill(name)
    form.get_by_label("Record its conversion").check()
    form.get_by_role("button", name="Save").click()
    page.wait_for_url("**saved=**")
    expect(page.locator("h1")).to_contain_text(name)


def test_a_funnel_is_built_saved_and_recorded_and_its_people_found(
    admin_page: Page, screenshot: Keep
) -> None:
    project = make_project("shop")
    send_shop(client_of(project))
    page = admin_page
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{FUNNELS}?project={project.pk}")
    expect(page.get_by_text("Where does it begin?")).to_be_visible()
    screenshot("empty")
    build(page)
    page.get_by_label("Break down by").fill("tags.plan")
    page.get_by_label("Trend").select_option("day")
    page.get_by_label("Compare with the time before").check()
    expect(page.locator(".funnel-groups tbody tr")).to_have_count(3)
    expect(page.locator(".funnel-groups")).to_contain_text(HOSTILE)
    expect(page.locator("#funnel-trend .main-svg").first).to_be_visible()
    screenshot("light")
    assert grave_violations(page) == []

    # Moving a step changes the question; going back brings the one before.
    second = page.locator(".funnel-bar-name").nth(1)
    page.get_by_role("button", name="Move this step up").nth(2).click()
    expect(second).to_contain_text("order_paid")
    page.go_back()
    expect(second).to_contain_text("cart_added")

    save(page, "Buying")
    record(timezone.now(), 5)
    assert SavedFunnel.objects.get(project=project).problem == ""
    page.get_by_role("link", name=re.compile("^20 lost")).click()
    people = page.locator("#panel-people tbody tr")
    expect(people).to_have_count(20)
    people.first.get_by_role("link", name="Events").click()
    expect(page).to_have_url(re.compile("explore/events/.*person=user-"))
    page.go_back()
    page.get_by_role("link", name="Make a rule").click()
    expect(page.locator("#id_metric")).to_have_value("funnel_conversion_ratio")
    expect(page.locator("#id_filters")).to_have_value("funnel=buying")
    expect(page.locator("#id_threshold")).to_have_value("0.1")


def test_a_saved_funnel_is_complete_on_a_phone(admin_page: Page, screenshot: Keep) -> None:
    project = make_project("shop")
    send_shop(client_of(project))
    question = {
        "steps": [
            {"event_name": "product_seen"},
            {"any_of": [{"event_name": "cart_added"}, {"filters": {"tags.plan": {"not": "gold"}}}]},
        ],
        "trend": "day",
    }
    SavedFunnel.objects.create(project=project, name="Adding", slug="adding", question=question)
    page = admin_page
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{FUNNELS}?project={project.pk}&saved=adding")
    expect(page.locator(".funnel-bars > li")).to_have_count(2)
    expect(page.get_by_label("Event name")).to_have_count(3)
    expect(page.locator("#funnel-trend")).to_have_attribute("data-drawn", "light")
    darken(page)
    expect(page.locator("#funnel-trend")).to_have_attribute("data-drawn", "dark")
    assert width_px(page) <= 390
    assert grave_violations(page) == []
    screenshot("dark")


def test_a_builder_whose_question_gets_no_answer_says_so_and_raises_no_script_error(admin_page: Page) -> None:
    page = admin_page
    project = make_project("shop")
    send_shop(client_of(project))
    page.goto(f"{FUNNELS}?project={project.pk}")
    # As when the server restarts.
    page.route(re.compile("panel=results"), lambda route: route.abort())
    page.get_by_role("link", name=re.compile("^product_seen")).click()
    page.get_by_role("button", name="Add a step").click()
    page.locator(".funnel-step").nth(1).get_by_label("Event name").fill("cart_added")
    expect(page.get_by_text("The server gives no answer")).to_be_visible()

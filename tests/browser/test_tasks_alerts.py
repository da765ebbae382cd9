"""What somebody new wants of alerts, from the first page on, with the number of clicks that it may take."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from alerting.models import Alert, Silence, Status, Transition
from tests.alerting.inbox.scene import alert
from tests.alerting.scenes import send_events
from tests.browser.looks import width_px
from tests.clients import client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db(transaction=True)

Keep = Callable[[str], None]
HOUR = timedelta(hours=1)


class Newcomer:
    """Counts what they click."""

    def __init__(self) -> None:
        self.click_count = 0

    def click(self, what: Locator) -> None:
        what.click()
        self.click_count += 1


def change(of: Alert, status: Status, actor: str, at: datetime) -> None:
    Transition.objects.create(project_id=of.project_id, alert=of, at=at, to_status=status, actor=actor)


def test_an_alert_is_silenced_during_a_deploy_with_three_clicks(admin_page: Page, screenshot: Keep) -> None:
    project = make_project("shop")
    burning = alert(project, "Checkout error rate", 12, severity="critical", labels={"service_name": "pay"})
    alert(project, "Disk nearly full", 120, severity="warning", labels={"host_name": "web-2"})
    page, newcomer = admin_page, Newcomer()
    page.goto("/admin/")
    newcomer.click(page.get_by_label("Needs you").get_by_role("link", name="Checkout error rate"))
    newcomer.click(page.locator("#alert-silence summary"))
    screenshot("menu")
    newcomer.click(page.get_by_role("button", name="2 h", exact=True))
    expect(page.get_by_text("Silenced Checkout error rate for 2 h.")).to_be_visible()
    expect(page.get_by_text("Silenced by ada until")).to_be_visible()
    screenshot("silenced")
    assert newcomer.click_count <= 3
    made = Silence.objects.get()
    assert made.matchers == ['rule="Checkout error rate"', 'service_name="pay"']

    # The deploy takes longer: the same again makes it last, no second silence.
    page.locator("#alert-silence summary").click()
    page.get_by_role("button", name="8 h", exact=True).click()
    expect(page.get_by_text("Silenced Checkout error rate for 8 h.")).to_be_visible()
    assert round((Silence.objects.get().ends_at - timezone.now()) / HOUR) == 8

    # On the first page it needs nobody any more.
    page.goto("/admin/")
    needs = page.get_by_label("Needs you")
    expect(needs.get_by_role("link", name="Disk nearly full")).to_be_visible()
    expect(needs.get_by_role("link", name="Checkout error rate")).to_have_count(0)
    needs.get_by_role("link", name="1 silenced").click()
    expect(page.locator(".inbox-row")).to_contain_text(burning.rule_name)


def test_who_acknowledged_last_night_is_one_click_away(admin_page: Page, screenshot: Keep) -> None:
    project, now = make_project("shop"), timezone.now()
    send_events(client_of(project), 3, now)
    night = now - 9 * HOUR
    taken = alert(project, "Checkout error rate", 600, status=Status.RESOLVED, resolved_at=now - 8 * HOUR)
    change(taken, Status.ACKNOWLEDGED, "bob", night)
    noisy = alert(project, "Disk nearly full", 5, severity="warning", labels={"host_name": "web-2"})
    for number in range(20):
        change(noisy, Status.FIRING if number % 2 else Status.RESOLVED, "rule tick", now - number * HOUR / 20)
    page, newcomer = admin_page, Newcomer()
    page.goto("/admin/")
    expect(page.locator("#panel-happened")).to_contain_text("Disk nearly full")
    newcomer.click(page.get_by_role("link", name="Who did what in 24 h"))
    expect(page.locator("#panel-happened")).to_contain_text("Checkout error rate was acknowledged by bob")
    expect(page.locator("#panel-happened li")).to_have_count(1)
    screenshot("people")
    assert newcomer.click_count <= 1
    page.get_by_role("link", name="Everything").click()
    expect(page.locator("#panel-happened")).to_contain_text("Disk nearly full fired")
    page.set_viewport_size({"width": 390, "height": 844})
    assert width_px(page) <= 390

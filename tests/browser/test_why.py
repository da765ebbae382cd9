"""The page that answers why, and the one that says how alerting is."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from alerting import tasks
from alerting.models import Alert, Attempt, Health, Notification, NotificationStatus, Pulse, Rule
from tests.alerting.delivery_rows import make_channel, make_notification
from tests.alerting.scenes import make_rule, send_points, tick
from tests.browser.looks import width_px
from tests.clients import client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db(transaction=True)

Keep = Callable[[str], None]


def fired() -> Alert:
    """An alert that one place was told of at the second try, while a silence muted the other."""
    project = make_project("shop")
    make_rule(client_of(project), for_seconds=0)
    now = timezone.now().replace(microsecond=0)
    send_points(client_of(project), [88, 96], now, host_name="web-1")
    tick(now)
    alert = Alert.objects.get()
    slack = make_channel(project, "slack", {"webhook_url": "https://hooks.example/x"}, name="ops")
    told = make_notification(
        alert, slack, status=NotificationStatus.SENT, reason="first notification", created_at=now, sent_at=now
    )
    for status, error in ((NotificationStatus.FAILED, "Slack answered 500"), (NotificationStatus.SENT, "")):
        Attempt.objects.create(notification=told, at=now, status=status, latency_ms=180, error=error)
    make_notification(
        alert,
        None,
        recipient="ana@example.com",
        status=NotificationStatus.MUTED,
        reason="silenced by ana until 18:00: deploy",
        muted_by={"kind": "silence", "id": 1, "name": "host_name=web-1"},
        created_at=now,
    )
    return alert


def test_why_leads_from_the_alert_to_the_points_and_to_who_was_told(
    admin_page: Page, screenshot: Keep
) -> None:
    alert = fired()
    page = admin_page
    page.goto(f"/admin/alerting/alert/{alert.pk}/change/")
    screenshot("alert")
    page.get_by_role("link", name="Why", exact=True).click()
    expect(page.get_by_text("Of 2 places: 1 told, 1 muted.")).to_be_visible()
    expect(page.get_by_text("Slack answered 500")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("silenced by ana"))).to_be_visible()
    expect(page.get_by_text("2 records in the window")).to_be_visible()
    screenshot("why")
    page.get_by_role("link", name="host_name=web-1").first.click()
    expect(page).to_have_url(re.compile("/admin/metrics/metricseries/"))


def test_a_notification_leads_to_its_place_in_the_chain(admin_page: Page, screenshot: Keep) -> None:
    fired()
    row = Notification.objects.get(status=NotificationStatus.MUTED)
    page = admin_page
    page.goto("/admin/alerting/notification/")
    screenshot("list")
    page.get_by_role("row", name=re.compile("ana@example.com")).get_by_role(
        "link", name="High CPU Usage"
    ).click()
    expect(page).to_have_url(re.compile(f"/why/#message-{row.pk}$"))
    expect(page.locator(f"#message-{row.pk}")).to_be_in_viewport()


def test_why_is_whole_on_a_phone_and_in_the_dark(admin_page: Page, screenshot: Keep) -> None:
    alert = fired()
    page = admin_page
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/admin/alerting/alert/{alert.pk}/why/")
    expect(page.get_by_text("Of 2 places")).to_be_visible()
    assert width_px(page) <= 390
    screenshot("why")
    page.goto("/admin/alerting/health/")
    assert width_px(page) <= 390
    screenshot("health")


def test_the_health_page_keeps_itself_up_to_date(admin_page: Page, screenshot: Keep) -> None:
    project = make_project("shop")
    rule = make_rule(client_of(project))
    tasks.evaluate_due_rules()
    tasks.deliver_due_notifications()
    page = admin_page
    page.goto("/admin/alerting/health/")
    expect(page.get_by_text("All is well")).to_be_visible()
    screenshot("well")
    Pulse.objects.filter(name="evaluation").update(last_at=timezone.now() - timedelta(minutes=2))
    Rule.objects.filter(pk=rule.pk).update(health=Health.UNHEALTHY, last_error="The query took too long.")
    # The page asks again every 5 s.
    expect(page.get_by_text("The last rule tick was 2 min ago.")).to_be_visible(timeout=15_000)
    expect(page.get_by_text("The query took too long.")).to_be_visible()
    screenshot("stalled")
    link = page.get_by_role("link", name="High CPU Usage")
    expect(link).to_have_attribute("href", f"/admin/alerting/rule/{rule.pk}/change/")

"""The first page as a person on call meets it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from alerting.models import Alert
from tests.alerting.delivery_rows import make_alert
from tests.alerting.scenes import send_events
from tests.browser.looks import width_px
from tests.clients import client_of
from tests.conftest import make_project
from tests.traces.made_spans import send_spans

pytestmark = pytest.mark.django_db(transaction=True)

Keep = Callable[[str], None]


def test_somebody_on_call_sees_what_broke_takes_it_and_stays_where_they_were(
    admin_page: Page, screenshot: Keep
) -> None:
    project = make_project("shop")
    api, now, page = client_of(project), timezone.now(), admin_page
    page.goto(f"/admin/?project={project.pk}")
    expect(page.get_by_role("heading", name="Send a first event")).to_be_visible()
    expect(page.get_by_text("No alert is open")).to_be_visible()
    screenshot("empty")

    send_spans(api, 30, now - timedelta(minutes=10))
    send_spans(api, 4, now, service_name="pay", status="error")
    send_events(api, 1, now, event_name="deploy", event_type="", tags={"service": "pay", "version": "1.42"})
    page.get_by_role("link", name="Show it").click()
    alert = make_alert(project, labels={"host_name": "web-1"}, triggered_at=now - timedelta(minutes=12))
    services = page.get_by_label("Services")
    services.get_by_text("What the words mean").click()
    expect(services.get_by_role("row", name=re.compile("^pay failing"))).to_be_visible()
    expect(page.get_by_label("What happened").get_by_text("deploy pay 1.42")).to_be_visible()

    # Who comes back to the tab sees what is new at once, and finds open what they had opened.
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    button = page.get_by_role("button", name=re.compile("^Acknowledge High Error Rate"))
    expect(button).to_be_visible()
    expect(services.get_by_text("Silent: no span now")).to_be_visible()
    button.focus()
    screenshot("trouble")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Acknowledged: High Error Rate")).to_be_visible()
    assert page.url.endswith(f"/admin/?project={project.pk}&range=1h")
    expect(page.get_by_text("No alert needs you now")).to_be_visible()
    assert Alert.objects.get(pk=alert.pk).acknowledged_by == "ada"
    expect(page.get_by_label("What happened").get_by_text("High Error Rate was acknowledged")).to_be_visible()

    page.set_viewport_size({"width": 390, "height": 844})
    assert width_px(page) <= 390
    screenshot("phone")

    # A session that ended leaves what was there, and says so.
    page.context.clear_cookies(name="sessionid")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_text("You have been logged out")).to_be_visible()
    expect(page.get_by_label(re.compile("password", re.IGNORECASE))).to_have_count(0)
    expect(page.get_by_role("link", name="Log in again")).to_have_attribute(
        "href", re.compile(r"/admin/login/\?next=%2Fadmin%2F%3Fproject")
    )

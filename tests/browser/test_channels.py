"""A person makes a webhook and sees what it will get before it is saved."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import make_project

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_webhooks_preview_follows_its_form(admin_page: Page, screenshot: Callable[[str], None]) -> None:
    make_project("shop")
    page = admin_page
    page.goto("/admin/alerting/notificationchannel/add/")
    screenshot("kinds")
    page.get_by_role("link", name=re.compile("^Webhook")).click()
    preview = page.locator("#channel_preview pre")
    expect(preview).to_contain_text('"version": "1"')
    page.get_by_label("Name").fill("chat")
    page.get_by_label("URL").fill("https://example.com/in")
    page.get_by_label("Body").select_option("template")
    page.get_by_label("Template").fill('{"text": "{{ rule }} on {{ labels.nobody }}{{ wrong }}"}')
    expect(preview).to_contain_text("there is no 'wrong'")
    page.get_by_label("Template").fill('{"text": "{{ rule }} on {{ labels.host_name }}"}')
    expect(preview).to_have_text('{"text": "High CPU on \\"web\\" on web-1"}')
    screenshot("form")
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator("#result_list").get_by_role("link", name="chat").click()
    expect(page.get_by_label("URL")).to_have_attribute("placeholder", re.compile("Leave empty to keep it"))
    expect(page.get_by_label("URL")).to_have_value("")

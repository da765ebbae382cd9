from __future__ import annotations

import re

from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.browser.conftest import ADMIN_NAME, ADMIN_PASSWORD


def test_a_superuser_logs_in_and_sees_the_admin(page: Page, superuser: User) -> None:
    page.goto("/admin/")
    page.get_by_label(re.compile("username", re.IGNORECASE)).fill(ADMIN_NAME)
    page.get_by_label(re.compile("password", re.IGNORECASE)).fill(ADMIN_PASSWORD)
    page.get_by_role("button", name=re.compile("log in", re.IGNORECASE)).click()
    page.wait_for_url("**/admin/")
    expect(page.get_by_role("link", name="Inbox").first).to_be_visible()


def test_the_admin_is_closed_to_strangers(page: Page) -> None:
    page.goto("/admin/")
    assert "/admin/login/" in page.url

from __future__ import annotations

from playwright.sync_api import Page, expect


def test_a_superuser_logs_in_and_sees_the_admin(admin_page: Page) -> None:
    expect(admin_page.get_by_role("link", name="Inbox").first).to_be_visible()


def test_the_admin_is_closed_to_strangers(page: Page) -> None:
    page.goto("/admin/")
    assert "/admin/login/" in page.url

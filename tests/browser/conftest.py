"""A real Chromium on the live server. Screenshots stay in test-artefacts/."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

ARTEFACTS = Path(__file__).resolve().parents[2] / "test-artefacts"
PATIENCE_MS = 15_000
"""A machine that runs other tests beside may take some seconds to load the library that draws charts."""
ADMIN_NAME = "ada"
ADMIN_PASSWORD = "correct horse battery staple"


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A fresh page on the live server, `page.goto("/admin/")` style.

    Fails the test when the page asked another host for anything or its scripts raised errors; leaves a screenshot.
    """
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(f"script error: {error}"))
    page.on(
        "request",
        lambda sent: (
            None
            if sent.url.startswith((live_server.url, "data:", "blob:"))
            else troubles.append(f"external request: {sent.url}")
        ),
    )
    yield page
    page.screenshot(path=_artefact(request.node.name), full_page=True)
    context.close()
    assert troubles == []


@pytest.fixture
def screenshot(page: Page, request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Keep the page as it looks now, under the test's name and the given one."""

    def keep(name: str) -> None:
        page.screenshot(path=_artefact(f"{request.node.name}-{name}"), full_page=True)

    return keep


@pytest.fixture
def admin_page(page: Page) -> Page:
    """A page whose user logged in to the admin as superuser, through the form."""
    get_user_model().objects.create_superuser(username=ADMIN_NAME, password=ADMIN_PASSWORD)
    page.goto("/admin/")
    page.get_by_label(re.compile("username", re.IGNORECASE)).fill(ADMIN_NAME)
    page.get_by_label(re.compile("password", re.IGNORECASE)).fill(ADMIN_PASSWORD)
    page.get_by_role("button", name=re.compile("log in", re.IGNORECASE)).click()
    page.wait_for_url("**/admin/")
    return page


def _artefact(name: str) -> Path:
    ARTEFACTS.mkdir(exist_ok=True)
    return ARTEFACTS / f"{re.sub(r'[^a-zA-Z0-9_.-]+', '_', name)}.png"

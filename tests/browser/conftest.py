"""A real Chromium on the live server. Screenshots stay in test-artefacts/."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

ARTEFACTS = Path(__file__).resolve().parents[2] / "test-artefacts"
PATIENCE_MS = 30_000
"""A machine that does much else beside took more than 15 s for the library that draws charts; a green test waits no
longer for it."""
ADMIN_NAME = "ada"
ADMIN_PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="session")
def shared_context(browser: Browser, live_server: LiveServer) -> Iterator[BrowserContext]:
    """The reader's profile of all tests: what it has loaded and compiled, megabytes of scripts, is there already."""
    context = _new_context(browser, live_server)
    yield context
    context.close()


@pytest.fixture
def own_context(browser: Browser, live_server: LiveServer) -> Iterator[BrowserContext]:
    """A profile for one test: whoever asks for it changes what stays, as the clock does."""
    context = _new_context(browser, live_server)
    yield context
    context.close()


def _new_context(browser: Browser, live_server: LiveServer) -> BrowserContext:
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 800})
    # As long as a page is open the process lives in which later ones find the compiled scripts.
    context.new_page().goto("/health")
    return context


@pytest.fixture
def page(live_server: LiveServer, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A fresh page on the live server, `page.goto("/admin/")` style.

    Fails the test when the page asked another host for anything or its scripts raised errors; a test that fails
    leaves a screenshot.
    """
    kind = "own_context" if "own_context" in request.fixturenames else "shared_context"
    context: BrowserContext = request.getfixturevalue(kind)
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
    failed_before = request.session.testsfailed
    yield page
    try:
        if request.session.testsfailed > failed_before or troubles:
            _keep(page, request.node.name)
    finally:
        # First: an answer that is under way would bring its cookies back.
        page.close()
        _forget_reader(context, live_server)
    assert troubles == []


def _forget_reader(context: BrowserContext, live_server: LiveServer) -> None:
    """The next test's reader is somebody else; what was loaded may stay."""
    context.clear_cookies()
    context.clear_permissions()
    context.new_cdp_session(context.pages[0]).send(
        "Storage.clearDataForOrigin",
        {"origin": live_server.url, "storageTypes": "local_storage,indexeddb"},
    )


@pytest.fixture
def screenshot(page: Page, request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Keep the page as it looks now, under the test's name and the given one."""

    def keep(name: str) -> None:
        _keep(page, f"{request.node.name}-{name}")

    return keep


@pytest.fixture
def superuser(live_server: LiveServer) -> User:
    return User.objects.create_superuser(username=ADMIN_NAME, password=ADMIN_PASSWORD)


@pytest.fixture
def admin_page(page: Page, superuser: User, client: Client, live_server: LiveServer) -> Page:
    """A page whose user has logged in to the admin as superuser; it shows nothing yet."""
    # Not through the form, which costs two pages: a test of its own does that.
    client.force_login(superuser)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}]
    )
    return page


def _keep(page: Page, name: str) -> None:
    ARTEFACTS.mkdir(exist_ok=True)
    path = ARTEFACTS / f"{re.sub(r'[^a-zA-Z0-9_.-]+', '_', name)}.jpeg"
    # Chromium takes four times as long for a PNG.
    page.screenshot(path=path, full_page=True, quality=90)

"""No page puts serious hurdles in anybody's way: axe-core over all of them, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from playwright.sync_api import Page

from tests.admin_pages import make_scene
from tests.browser.axe import EVERY_RULE, ONLY_COLOURS, Violation, grave_violations
from tests.browser.conftest import ADMIN_NAME

pytestmark = pytest.mark.django_db(transaction=True)

WAITING = ".page-waiting, .htmx-request, .htmx-settling, [aria-busy=true], .is-old"
"""What is still being looked up, and drawn faintly meanwhile."""
SETTLED = f"!document.querySelector('{WAITING}')"


def violations(page: Page) -> dict[str, list[Violation]]:
    """By theme; unfold's dark mode is a class, other pages go by what the browser prefers."""
    found: dict[str, list[Violation]] = {}
    themes: dict[Literal["light", "dark"], tuple[str, ...]] = {"light": EVERY_RULE, "dark": ONLY_COLOURS}
    for theme, rules in themes.items():
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.evaluate(f"document.documentElement.classList.toggle('dark', {str(theme == 'dark').lower()})")
        if grave := grave_violations(page, rules):
            found[theme] = grave
    return found


def test_no_page_has_a_grave_violation_light_or_dark(
    admin_page: Page, screenshot: Callable[[str], None]
) -> None:
    scene = make_scene(get_user_model().objects.get(username=ADMIN_NAME))
    found = {}
    for name, url in scene.pages.items():
        admin_page.goto(url)
        admin_page.wait_for_function(SETTLED)
        # Of every page there is one to look at.
        screenshot(name)
        if grave := violations(admin_page):
            found[name] = grave
    assert found == {}


def test_pages_without_a_login_have_no_grave_violation(page: Page, admin_user: User) -> None:
    scene = make_scene(admin_user)
    found = {}
    for name, url in {"login": "/admin/login/", "acknowledge": scene.acknowledge_url}.items():
        page.goto(url)
        if grave := violations(page):
            found[name] = grave
    assert found == {}

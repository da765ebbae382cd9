"""No page puts serious hurdles in anybody's way: axe-core over all of them, light and dark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page

from tests.admin_pages import make_scene
from tests.browser.axe import EVERY_RULE, ONLY_COLOURS, Violation, grave_violations

pytestmark = pytest.mark.django_db(transaction=True)

WAITING = ".page-waiting, .htmx-request, .htmx-settling, [aria-busy=true], .is-old"
"""What is still being looked up, and drawn faintly meanwhile."""
SETTLED = f"!document.querySelector('{WAITING}')"
SIDE_BAR = "#nav-sidebar-inner"
"""Half of what there is to look at on most pages, and much the same on all."""
WITH_SIDE_BAR = {"overview", "inbox", "notifications", "projects"}
"""A page of each group of its links, which are folded away elsewhere."""


def violations(page: Page, known: Sequence[str] = ()) -> dict[str, list[Violation]]:
    """By theme; unfold's dark mode is a class, other pages go by what the browser prefers."""
    found: dict[str, list[Violation]] = {}
    themes: dict[Literal["light", "dark"], tuple[str, ...]] = {"light": EVERY_RULE, "dark": ONLY_COLOURS}
    for theme, rules in themes.items():
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.evaluate(f"document.documentElement.classList.toggle('dark', {str(theme == 'dark').lower()})")
        if grave := grave_violations(page, rules, known):
            found[theme] = grave
    return found


def test_no_page_has_a_grave_violation_light_or_dark(
    admin_page: Page, superuser: User, screenshot: Callable[[str], None]
) -> None:
    scene = make_scene(superuser)
    found: dict[str, dict[str, list[Violation]]] = {}
    for name, url in scene.pages.items():
        admin_page.goto(url)
        admin_page.wait_for_function(SETTLED)
        # Of every page there is one to look at.
        screenshot(name)
        known = () if name in WITH_SIDE_BAR else (SIDE_BAR,)
        if grave := violations(admin_page, known):
            found[name] = grave
    assert scene.pages.keys() >= WITH_SIDE_BAR
    assert found == {}


def test_pages_without_a_login_have_no_grave_violation(page: Page, admin_user: User) -> None:
    scene = make_scene(admin_user)
    found = {}
    for name, url in {"login": "/admin/login/", "acknowledge": scene.acknowledge_url}.items():
        page.goto(url)
        if grave := violations(page):
            found[name] = grave
    assert found == {}

"""How a page lies before its reader: its colours and its width."""

from __future__ import annotations

from contextlib import suppress

from playwright.sync_api import Page, TimeoutError

RESIZING_MS = 10_000
"""Charts follow the window some frames later, on a busy machine seconds."""


def darken(page: Page) -> None:
    """Show the page in dark colours until another one is loaded."""
    # By a locator, which waits for the element: right after a click the new document may have no root yet.
    page.locator("html").evaluate("root => root.classList.add('dark')")


def width_px(page: Page) -> int:
    """What the page needs in width; more than the window's means that it scrolls sideways, and stays so."""
    with suppress(TimeoutError):
        page.wait_for_function(
            "document.documentElement.scrollWidth <= window.innerWidth", timeout=RESIZING_MS
        )
    return int(page.locator("html").evaluate("root => root.scrollWidth"))

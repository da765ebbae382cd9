"""axe-core on a page: what people with other senses, or without a mouse, would stumble over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from playwright.sync_api import Page

from telemetry_platform.packages import folder_of

GRAVE = ("serious", "critical")

EVERY_RULE = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
ONLY_COLOURS = ("color-contrast",)
"""Rules, as axe-core calls them; all that can differ where only the theme does."""

# Without `preload` it doesn't parse every stylesheet again, which only a rule about sounds would make use of.
_RUN = """async ([rules, known]) => (await axe.run({ include: [['html']], exclude: known.map((one) => [one]) }, {
    preload: false,
    resultTypes: ['violations'],
    runOnly: rules,
})).violations"""


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule of axe-core that is broken, and where: at most the first places."""

    rule: str
    impact: str
    places: tuple[str, ...]


def grave_violations(
    page: Page, rules: Sequence[str] = EVERY_RULE, known: Sequence[str] = ()
) -> list[Violation]:
    """The serious and critical ones of the page as it is now, without the parts that the selectors `known` choose."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(_script())
    found: list[dict[str, Any]] = page.evaluate(_RUN, [list(rules), list(known)])
    return [
        Violation(one["id"], one["impact"], tuple(_place(node) for node in one["nodes"][:5]))
        for one in found
        if one["impact"] in GRAVE
    ]


def _place(node: dict[str, Any]) -> str:
    summary = " ".join(node["failureSummary"].split())
    return f"{node['target']} {node['html'][:150]} {summary[:250]}"


@cache
def _script() -> str:
    return (folder_of("axe_playwright_python") / "axe.min.js").read_text()

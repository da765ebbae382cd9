"""What the funnel page's URL asks for: the question as JSON in `funnel`, or the slug of a saved one in `saved`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from analytics.funnels.parsing import parse_funnel
from analytics.funnels.question import Funnel
from analytics.matchers import MatcherError, place_in_words
from analytics.models.funnels import SavedFunnel
from projects.pages.page import Problem
from projects.pages.scope import Scope
from storage.values import has_nul

QUESTION, SAVED, STEP, LOST = "funnel", "saved", "step", "lost"
DEFAULT_RANGE = "7d"

Body = dict[str, Any]
"""A question as the API takes it, without start and end: the page's range is meant."""

_ENTRY = re.compile(r"(step|exclusion)s\[(\d+)\]\.?(.*)", re.DOTALL)


@dataclass(frozen=True)
class Asked:
    """`body` is the question as the builder shows it, which need not make sense yet."""

    scope: Scope
    body: Body
    saved: SavedFunnel | None = None

    @property
    def is_empty(self) -> bool:
        return not self.body.get("steps")

    @cached_property
    def whole(self) -> Body:
        """The question with its time range, as the API takes it."""
        times = self.scope.range
        return {**self.body, "start": times.start.isoformat(), "end": times.end.isoformat()}

    @cached_property
    def funnel(self) -> Funnel:
        """Raises Problem."""
        try:
            return parse_funnel(self.whole)
        except MatcherError as error:
            raise Problem(told(error)) from None


def asked_of(scope: Scope) -> Asked:
    """Raises Problem for a question that is no JSON object, and for a saved funnel that isn't there."""
    saved = _saved(scope)
    text = scope.filters.get(QUESTION, "")
    if not text:
        return Asked(scope, dict(saved.question) if saved else {}, saved)
    return Asked(scope, body_of(text), saved)


def body_of(text: str) -> Body:
    """The question that a page sends as JSON. Raises Problem."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Problem("The funnel is not JSON: it was cut off, or changed by hand.") from None
    if not isinstance(found, dict) or has_nul(found):
        raise Problem("The funnel is not a JSON object, or has a NUL in it.")
    return {name: value for name, value in found.items() if name not in {"start", "end"}}


def text_of(body: Mapping[str, Any]) -> str:
    """The question as it stands in a URL."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def told(error: MatcherError) -> str:
    """What is wrong, naming the step or exclusion as the builder counts them."""
    where = error.key
    if found := _ENTRY.fullmatch(where):
        entry = f"{found[1].capitalize()} {int(found[2]) + 1}"
        where = f"{entry}, {place_in_words(found[3])}" if found[3] else entry
    return f"{where}: {error.message}" if where else error.message


def _saved(scope: Scope) -> SavedFunnel | None:
    slug = scope.filters.get(SAVED, "")
    if not slug:
        return None
    found = SavedFunnel.objects.filter(project=scope.project, slug=slug).first()
    if found is None:
        raise Problem(f"There is no saved funnel {slug[:60]!r} in this project: it was deleted, or renamed.")
    return found

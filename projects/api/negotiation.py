"""Content negotiation that never refuses: every answer is JSON, whatever Accept says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request


class AnyAccept(DefaultContentNegotiation):
    """Parsers are chosen by Content-Type as usual (415); a 406 would only lose an answer that is JSON anyway."""

    def select_renderer(
        self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None
    ) -> tuple[Any, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type

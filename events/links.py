"""Where an event leads among other signals' pages: by name, as events know nothing of them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from django.urls import reverse


def trace_url(trace_id: str, parameters: Mapping[str, str]) -> str:
    """The page of a trace."""
    return f"{reverse('explore_trace', args=[trace_id])}?{urlencode(parameters)}"

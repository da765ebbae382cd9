"""Where an event leads among other signals' pages: by name, as events know nothing of them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from django.urls import reverse

LONGEST_NAME = 200
"""Of a rule."""


def trace_url(trace_id: str, parameters: Mapping[str, str]) -> str:
    """The page of a trace."""
    return f"{reverse('explore_trace', args=[trace_id])}?{urlencode(parameters)}"


def rule_parameters(filters: Mapping[str, str]) -> dict[str, str]:
    """Of the form of a new rule that counts events with these values; with a name, so that it can be saved as it is."""
    equal = ", ".join(f"{name}={value}" for name, value in filters.items())
    return {
        "rule_type": "event_frequency",
        "source_type": "telemetry_event",
        "name": f"Events with {equal}"[:LONGEST_NAME] if equal else "All events",
        **filters,
    }

"""How changes of an alert and the records behind them are said in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerting.models import Severity, TransitionKind
from alerting.state import CRITICAL
from alerting.values import value_text

MAX_LABELS = 6


def change_words(kind: str, to_status: str, reason: str) -> str:
    """ "Firing", "Raised to critical", "Note", "Assigned to ana"."""
    if kind == TransitionKind.NOTE:
        return "Note"
    if kind == TransitionKind.ASSIGN:
        return reason[:1].upper() + reason[1:]
    if kind == TransitionKind.SEVERITY:
        return (
            "Raised to critical" if to_status == CRITICAL else f"Back to {Severity(to_status).label.lower()}"
        )
    return to_status.capitalize()


def labels_words(labels: Mapping[str, Any]) -> str:
    """ "host_name=web-1, region=eu"; a few are enough to tell series apart."""
    pairs = [f"{name}={value}" for name, value in sorted(labels.items())]
    more = f" + {len(pairs) - MAX_LABELS} more" if len(pairs) > MAX_LABELS else ""
    return ", ".join(pairs[:MAX_LABELS]) + more


def value_words(value: float | str | None, unit: str = "") -> str:
    if value is None:
        return "no value"
    return value if isinstance(value, str) else value_text(value, unit)

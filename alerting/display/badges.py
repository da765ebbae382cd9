"""States in the admin: always a word and an icon beside the colour."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.html import format_html
from django.utils.safestring import SafeString

SEVERITY_ICONS = {"info": "info", "warning": "warning", "error": "error", "critical": "crisis_alert"}
STATUS_ICONS = {
    "pending": "hourglass_top",
    "firing": "notifications_active",
    "acknowledged": "how_to_reg",
    "resolved": "check_circle",
}
MAX_LABEL = 80


def badge(kind: str, icon: str, text: str, title: str = "") -> SafeString:
    """`kind` names the colour: a severity, a status, "good", "bad" or "quiet"."""
    return format_html(
        '<span class="badge badge-{}" title="{}">'
        '<span class="material-symbols-outlined" aria-hidden="true">{}</span>{}</span>',
        kind,
        title,
        icon,
        text,
    )


def reason_text(text: str) -> SafeString:
    """A sentence in a list's cell: it wraps, so that the table stays as wide as the page."""
    return format_html('<span class="reason">{}</span>', text)


def severity_badge(severity: str) -> SafeString:
    return badge(severity, SEVERITY_ICONS.get(severity, "help"), severity)


def status_badge(status: str) -> SafeString:
    return badge(status, STATUS_ICONS.get(status, "help"), status)


def labels_text(labels: Mapping[str, str]) -> str:
    """`host_name=web-1, region=eu`; long values are cut."""
    pairs = (f"{name}={value}" for name, value in sorted(labels.items()))
    return ", ".join(pair if len(pair) <= MAX_LABEL else f"{pair[: MAX_LABEL - 1]}…" for pair in pairs)

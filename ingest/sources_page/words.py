"""Why something was not stored, and what to do about it, in words."""

from __future__ import annotations

from collections.abc import Mapping

from projects.retention import FOR_EVER, Kind

WHAT: Mapping[Kind, str] = {
    "events": "events",
    "metrics": "metric points",
    "business": "business metrics",
    "traces": "spans",
}

_KINDS: Mapping[str, Kind] = {
    "/api/v1/metrics": "metrics",
    "/api/v1/write": "metrics",
    "/v1/metrics": "metrics",
    "/api/v1/business-metrics": "business",
    "/api/v1/traces": "traces",
    "/v1/traces": "traces",
}

_RECORDS = {
    "in_future": "The time lies more than 1 h ahead of this server's clock. Look at the sender's clock and time zone.",
    "conflict": "Another value is stored at this time already; that one stays.",
    "required": "A field that every record needs is missing.",
    "unknown_field": "The field is none of this format. Own values go into properties or tags.",
    "invalid": "The value doesn't fit the field.",
    "invalid_utf8": "The text is not UTF-8.",
    "nul": "A text holds a NUL character, which can't be stored.",
    "event_name_not_allowed": "The browser key has a list of event names, and this is none of them.",
    "other": "More kinds of errors than are told apart in one minute.",
}

_REQUESTS = {
    "invalid_key": "The API key is unknown or revoked.",
    "not_authenticated": "The request brought no API key.",
    "missing_scope": "The API key may not send telemetry. Make one with that scope.",
    "origin_not_allowed": "The browser key is not for the page that sent this. Add its origin to the key.",
    "malformed": "The body is not of the format. Nothing of it was stored.",
    "broken_encoding": "The body is not compressed as its header says.",
    "unsupported_encoding": "This format is not read in that compression.",
    "too_large": "At most 20 MB, 50 MB after decompression, and 10,000 records in one request.",
    "unsupported_media_type": "Nothing at this path reads that Content-Type.",
    "idempotency_mismatch": "The Idempotency-Key was used with another body before.",
    "throttled": "The key's limit. Well-behaved clients try again after Retry-After.",
    "queue_full": "The server had more than it could store. Clients try again.",
    "unavailable": "The database could not be reached. Clients try again.",
    "busy": "Too many requests came in slowly. Clients try again.",
}


def kind_of(path: str) -> Kind:
    """The kind of data that a path takes, for its retention; most paths take events."""
    return _KINDS.get(path, "events")


def explained(status: int, code: str, path: str, days: Mapping[Kind, int]) -> str:
    """'' where the message says it all."""
    if status:
        return _REQUESTS.get(code, "")
    if code == "too_old":
        kind = kind_of(path)
        if days[kind] >= FOR_EVER:
            return (
                f"The record was older than what was kept then. Now this project keeps {WHAT[kind]} for ever."
            )
        return f"This project keeps {WHAT[kind]} for {days[kind]} days; the record is older than that."
    return _RECORDS.get(code, "")

"""What browsers are told about requests from pages of other origins (fetch.spec.whatwg.org, "CORS protocol").

Nobody is ever told to send cookies, and only the paths that take telemetry answer at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from projects import origins
from projects.keys import KeyIdentity

MAX_AGE_SECONDS = 7200
"""The longest that Chromium remembers."""

HEADERS = frozenset(
    {
        "authorization",
        "baggage",
        "content-encoding",
        "content-type",
        "idempotency-key",
        "traceparent",
        "tracestate",
        "user-agent",
        "x-api-key",
        "x-prometheus-remote-write-version",
    }
)
MAX_ASKED_HEADERS = 50
EXPOSED = "Retry-After, X-RateLimit-Reset"

_CLOUDEVENTS_ATTRIBUTE = re.compile(r"ce-[a-z0-9]{1,50}")


def preflight(headers: Mapping[str, str]) -> dict[str, str]:
    """The answer to OPTIONS. The key isn't known yet, so any origin may ask; `headers` have names in lower case."""
    answer = {"Allow": "POST", "Vary": "Origin, Access-Control-Request-Headers"}
    origin = headers.get("origin", "")
    if origins.is_origin(origin):
        answer |= {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Allow-Headers": _allowed(headers.get("access-control-request-headers", "")),
            "Access-Control-Max-Age": str(MAX_AGE_SECONDS),
        }
    return answer


def _allowed(asked: str) -> str:
    """Those of the headers asked for that clients of ours send, or all of ours where none is named."""
    names = [name.strip().lower() for name in asked.split(",", MAX_ASKED_HEADERS)[:MAX_ASKED_HEADERS]]
    known = [name for name in names if name in HEADERS or _CLOUDEVENTS_ATTRIBUTE.fullmatch(name)]
    return ", ".join(dict.fromkeys(known) or sorted(HEADERS))


def answer_headers(origin: str, identity: KeyIdentity | None) -> dict[str, str]:
    """What lets the page read an answer, also a refusal: for browser keys at their origins, and for unknown keys,
    whose answer says only that."""
    if not origins.is_origin(origin) or (identity and not identity.is_browser):
        return {}
    told = {"Vary": "Origin"}
    if identity is None or is_allowed(origin, identity):
        told |= {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED}
    return told


def is_allowed(origin: str, identity: KeyIdentity) -> bool:
    """Whether the key may be used by a page of this origin; '' where the request names none."""
    return not identity.allowed_origins or origins.is_among(origin, identity.allowed_origins)

"""The handshake of CloudEvents web hooks: a sender asks by OPTIONS whether it may deliver (http-webhook.md, 4)."""

from __future__ import annotations

from collections.abc import Mapping

MAX_ORIGIN = 253
ANY_RATE = "*"


def webhook_consent(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers of the answer to OPTIONS; none where nothing was asked. Names are in lower case.

    Whoever asks may send: each delivery needs a key, and a key that sends too often is answered 429. For the same
    reason the rate is granted as asked, in requests per minute. `webhook-request-callback` is left alone, because the
    consent is in this answer.
    """
    origin = headers.get("webhook-request-origin", "").strip()
    if not origin or len(origin) > MAX_ORIGIN or not (origin.isascii() and origin.isprintable()):
        return {}
    rate = headers.get("webhook-request-rate", "").strip()
    is_number = rate.isascii() and rate.isdigit() and len(rate) < 10 and int(rate) > 0
    return {"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": rate if is_number else ANY_RATE}

"""Every error of the API is JSON: `{"detail", "code"}`; never a traceback, never a 500 for bad input."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = "2"


class BadRequest(exceptions.APIException):
    """400 with a code of its own."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "invalid"


class TryAgain(exceptions.APIException):
    """429: as much of this is done as may be at once; the client should come again soon."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "busy"
    wait = 5
    """Seconds."""


class Unavailable(exceptions.APIException):
    """503: the store can't take or answer this now; the client should try again."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "unavailable"
    default_detail = "The store is not available now. Nothing was stored; try again."


def handle_exception(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: known errors become `{"detail", "code"}` with the right headers."""
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    elif isinstance(exc, (OperationalError, InterfaceError)):
        logger.warning("database unavailable: %s", type(exc).__name__)
        exc = Unavailable()
    if not isinstance(exc, exceptions.APIException):
        return None
    return Response(_body(exc), status=exc.status_code, headers=_headers(exc))


def _body(exc: exceptions.APIException) -> dict[str, Any]:
    if isinstance(exc, exceptions.ValidationError) and not isinstance(exc.detail, str):
        return {"detail": _first_message(exc.detail), "code": "invalid", "errors": exc.detail}
    code = exc.get_codes()
    return {"detail": str(exc.detail), "code": code if isinstance(code, str) else exc.default_code}


def _first_message(detail: Any, path: str = "") -> str:
    """`{"name": ["This field is required."]}` as `name: This field is required.`"""
    if isinstance(detail, dict) and detail:
        key, value = next(iter(detail.items()))
        here = path.rstrip(".") if key == "non_field_errors" else f"{path}{key}"
        return _first_message(value, f"{here}." if here and isinstance(value, dict) else here)
    if isinstance(detail, list) and detail:
        return _first_message(detail[0], path)
    return f"{path.rstrip('.')}: {detail}" if path else str(detail)


def _headers(exc: exceptions.APIException) -> dict[str, str]:
    headers: dict[str, str] = {}
    if authenticate := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = authenticate
    wait = getattr(exc, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(max(1, int(wait)))
        # What Segment's libraries look for.
        headers["X-RateLimit-Reset"] = headers["Retry-After"]
    elif exc.status_code == status.HTTP_503_SERVICE_UNAVAILABLE:
        headers["Retry-After"] = RETRY_AFTER_SECONDS
    return headers

"""Taking in what a client is still sending when its answer is an error already: otherwise it sees a reset."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from django.http import HttpRequest, HttpResponse

from ingest.bodies import drain

METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class DrainMiddleware:
    """Reads and throws away the body of refused API requests (up to 64 MB) before the answer goes out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        if response.status_code >= 400 and self._may_have_body(request):
            # A client that has gone away meanwhile needs no answer.
            with suppress(OSError):
                drain(request.read)
        return response

    @staticmethod
    def _may_have_body(request: HttpRequest) -> bool:
        is_api = request.method in METHODS_WITH_BODY and request.path.startswith(("/api/", "/v1/"))
        return is_api and not getattr(request, "body_was_read", False)

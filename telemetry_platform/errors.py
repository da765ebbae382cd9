"""Errors outside DRF: JSON under /api/, Django's own pages elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import csrf, defaults


def _json(detail: str, code: str, status: int) -> JsonResponse:
    return JsonResponse({"detail": detail, "code": code}, status=status)


def _is_api(request: HttpRequest) -> bool:
    return not request.path.startswith("/admin")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, DisallowedHost):
        return _json("This host name is not among the ALLOWED_HOSTS.", "unknown_host", 400)
    if _is_api(request):
        return _json("The request is malformed.", "bad_request", 400)
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return _json("Permission denied.", "permission_denied", 403)
    return defaults.permission_denied(request, exception)


def method_not_allowed(request: HttpRequest, allowed: Iterable[str]) -> HttpResponse:
    answer = _json(f'Method "{request.method}" not allowed.', "method_not_allowed", 405)
    answer["Allow"] = ", ".join(sorted(allowed))
    return answer


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    if _is_api(request):
        return _json("This page takes no cross-site requests.", "csrf_failed", 403)
    return csrf.csrf_failure(request, reason)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return _json("There is nothing at this path.", "not_found", 404)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest, *_: Any) -> HttpResponse:
    if _is_api(request):
        return _json("Something went wrong here; it was logged.", "server_error", 500)
    return defaults.server_error(request)

"""`/health`: this process lives. `/ready`: it can take and store telemetry. `/metrics`: what it counted."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from functools import wraps
from typing import Literal

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from telemetry_platform import errors, readiness

State = Literal["ok", "degraded", "down"]


View = Callable[[HttpRequest], HttpResponse]


def probe(view: View) -> View:
    """GET and HEAD only; anything else is 405 in JSON, without a look at cookies."""

    @csrf_exempt
    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return errors.method_not_allowed(request, ["GET", "HEAD"])
        return view(request)

    return answer


@probe
def health(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


@probe
def ready(request: HttpRequest) -> HttpResponse:
    """200 where telemetry can be taken; `?strict=1` asks for the background parts as well.

    The body names parts and states only: no hosts, no error texts, because no key is needed to read it.
    """
    essential = readiness.essential()
    background = dict.fromkeys(readiness.BACKGROUND, False)
    if all(essential.values()):
        background = readiness.background()
    strict = request.GET.get("strict") == "1"
    able = all(essential.values()) and (not strict or all(background.values()))
    checks = {part: "ok" if fine else "down" for part, fine in essential.items()}
    checks |= {part: "ok" if fine else "degraded" for part, fine in background.items()}
    status: State = (
        "down" if not all(essential.values()) else "ok" if all(background.values()) else "degraded"
    )
    headers = {} if able else {"Retry-After": "2"}
    return JsonResponse({"status": status, "checks": checks}, status=200 if able else 503, headers=headers)


@probe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text over all web processes; `METRICS_TOKEN` closes it."""
    token = settings.METRICS_TOKEN
    if token:
        given = request.META.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ").strip()
        if not hmac.compare_digest(given.encode(), token.encode()):
            body = {
                "detail": "Send the metrics token as 'Authorization: Bearer <token>'.",
                "code": "invalid_token",
            }
            return JsonResponse(body, status=401, headers={"WWW-Authenticate": "Bearer"})
    registry: CollectorRegistry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus-client is typed in parts
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

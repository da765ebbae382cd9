"""Times and errors of this process's own requests, gathered in memory and flushed every 15 s.

Never a point per request: a distribution says the same in one row.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from prometheus_client import Counter, Histogram

from metrics.distribution import Distribution
from metrics.records import PointRecord
from telemetry_platform.self_telemetry import points

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 15.0
SERVER_ERROR = 500
NOT_MEASURED = frozenset({"/health", "/ready", "/metrics"})
"""Probes would drown what users see."""

REQUESTS = Counter("http_requests", "Requests answered, by method and status.", ["method", "status"])
DURATION = Histogram("http_request_duration_seconds", "Time to answer, by method.", ["method"])
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestTimes:
    """What happened since the last flush."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._durations_ms = Distribution()
        self._error_count = 0

    def add(self, duration_ms: float, is_error: bool) -> None:
        with self._lock:
            self._durations_ms.add(duration_ms)
            self._error_count += is_error

    def take(self) -> tuple[Distribution, int]:
        """All since the last take."""
        with self._lock:
            taken = self._durations_ms, self._error_count
            self._durations_ms, self._error_count = Distribution(), 0
        return taken

    def give_back(self, durations_ms: Distribution, error_count: int) -> None:
        with self._lock:
            self._durations_ms.merge(durations_ms)
            self._error_count += error_count


times = RequestTimes()


def flush() -> None:
    """Store what was gathered; what can't be stored now goes with the next flush."""
    durations_ms, error_count = times.take()
    if not durations_ms.count:
        return
    records = [
        PointRecord(
            metric_name="response_time",
            metric_type="timer",
            metric_unit="ms",
            distribution=durations_ms,
            service_name=points.SERVICE,
            host_name=points.HOST,
        ),
        PointRecord(
            metric_name="request_errors",
            metric_value=float(error_count),
            service_name=points.SERVICE,
            host_name=points.HOST,
        ),
    ]
    is_stored = False
    try:
        is_stored = points.store(records, timezone.now())
    finally:
        if not is_stored:
            times.give_back(durations_ms, error_count)


class SelfTelemetryMiddleware:
    """Measures each request; the first one starts this process's flusher."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._flusher_of = 0
        self._lock = threading.Lock()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self._get_response(request)
        if request.path.rstrip("/") not in NOT_MEASURED:
            seconds = time.perf_counter() - started
            method = request.method if request.method in METHODS else "other"
            REQUESTS.labels(method, response.status_code).inc()
            DURATION.labels(method).observe(seconds)
            times.add(seconds * 1000, response.status_code >= SERVER_ERROR)
            self._ensure_flusher()
        return response

    def _ensure_flusher(self) -> None:
        if self._flusher_of == os.getpid() or not settings.SELF_TELEMETRY_FLUSHES:
            return
        with self._lock:
            if self._flusher_of != os.getpid():
                self._flusher_of = os.getpid()
                threading.Thread(target=_flush_forever, name="self-telemetry", daemon=True).start()


def _flush_forever() -> None:
    while True:
        time.sleep(FLUSH_SECONDS)
        try:
            flush()
        except Exception as error:
            # A store that is down must not end the thread; the next flush tries again.
            logger.warning("own request times could not be stored: %s", type(error).__name__)
        finally:
            close_old_connections()

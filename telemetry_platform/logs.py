"""Log lines: one event a line, JSON unless a person watches."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

UNAVAILABLE = 503

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


class NoUnavailable(logging.Filter):
    """Leaves out 503 answers: an outage is logged where it is met, not once for every client."""

    def filter(self, record: logging.LogRecord) -> bool:
        return getattr(record, "status_code", None) != UNAVAILABLE


def logging_settings() -> dict[str, Any]:
    """Django's LOGGING; standard loggers and structlog's come out alike, on stderr."""
    is_watched = sys.stderr.isatty()
    renderer: Any = structlog.dev.ConsoleRenderer() if is_watched else structlog.processors.JSONRenderer()
    processors: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if not is_watched:
        processors.append(structlog.processors.format_exc_info)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _SHARED,
                "processors": [*processors, renderer],
            }
        },
        "filters": {"no_unavailable": {"()": "telemetry_platform.logs.NoUnavailable"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            # Its own handlers would print everything twice.
            "django": {"handlers": [], "level": "WARNING"},
            # A client's mistake is answered to the client; a line for each would let anybody fill the disk.
            "django.request": {"level": "ERROR", "filters": ["no_unavailable"]},
            "django.security": {"level": "CRITICAL"},
        },
    }


def configure_structlog() -> None:
    """Send structlog's loggers through the standard library's, so that one configuration holds for all."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )

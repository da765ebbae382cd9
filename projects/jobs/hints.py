"""Asking a worker to begin now instead of at its next turn."""

from __future__ import annotations

import logging

from celery import Celery, current_app
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

EXPIRES_SECONDS = 10
"""The periodic turn comes as often, so an older hint is worth nothing."""

RUN = "telemetry_platform.tasks.run_jobs"
"""By name: the roof lets one long task run at a time, and rooms below don't import it."""


def hint_run(app: Celery = current_app) -> None:
    """Never raises for a broker that is away: without the hint the next turn finds the row."""
    try:
        app.send_task(RUN, expires=EXPIRES_SECONDS, retry=False, ignore_result=True)
    except OperationalError:
        logger.warning("no broker: a worker's next turn finds the job")

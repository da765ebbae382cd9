"""Asking a worker to do something now instead of at the next tick."""

from __future__ import annotations

import logging

from celery import Celery, current_app
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

EXPIRES_SECONDS = 30
"""The delivery tick comes sooner than that, so an older hint is worth nothing."""

# By name: the tasks lead to the evaluation, which asks for them.
DELIVER = "alerting.tasks.deliver_due_notifications"
GATHER = "alerting.tasks.gather_samples"


def hint_delivery(app: Celery = current_app) -> None:
    """Never raises for a broker that is away: without the hint the delivery tick finds the rows."""
    _hint(app, DELIVER)


def hint_samples(app: Celery = current_app) -> None:
    """As `hint_delivery`, for the raw records behind changes of alerts: the same tick finds those too."""
    _hint(app, GATHER)


def _hint(app: Celery, task: str) -> None:
    try:
        app.send_task(task, expires=EXPIRES_SECONDS, retry=False, ignore_result=True)
    except OperationalError:
        logger.warning("no broker: the next delivery tick finds what this hint was about")

"""Asking a worker to deliver now instead of at the next tick."""

from __future__ import annotations

import logging

from celery import Celery, current_app
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

EXPIRES_SECONDS = 30
"""The delivery tick comes sooner than that, so an older hint is worth nothing."""

DELIVER = "alerting.tasks.deliver_due_notifications"
"""By name: the task leads to the evaluation, which asks for delivery."""


def hint_delivery(app: Celery = current_app) -> None:
    """Never raises for a broker that is away: without the hint the delivery tick finds the rows."""
    try:
        app.send_task(DELIVER, expires=EXPIRES_SECONDS, retry=False, ignore_result=True)
    except OperationalError:
        logger.warning("no broker: the next delivery tick finds the messages")

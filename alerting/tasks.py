"""Background work of alerting: thin, idempotent, each safe to run twice."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from alerting.delivery import deliver_due, deliver_one
from alerting.evaluation import evaluate_due

logger = logging.getLogger(__name__)

HINT_EXPIRES_SECONDS = 30
"""The delivery tick comes sooner than that, so an older hint is worth nothing."""


@shared_task(time_limit=60)
def evaluate_due_rules() -> None:
    evaluate_due(timezone.now())


@shared_task(time_limit=90)
def deliver_due_notifications() -> None:
    deliver_due(timezone.now())


@shared_task(time_limit=90)
def deliver_notification(notification_id: int) -> None:
    deliver_one(notification_id, timezone.now())


def send_hint(task: Any, *arguments: Any) -> None:
    """Ask a worker to run a task soon. Never raises for a broker that is away: rows are the truth."""
    try:
        task.apply_async(arguments, expires=HINT_EXPIRES_SECONDS, retry=False)
    except OperationalError:
        logger.warning("no broker: the next tick runs %s", task.name)

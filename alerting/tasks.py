"""Background work of alerting: thin, idempotent, each safe to run twice."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from alerting.delivery import deliver_due
from alerting.evaluation import evaluate_due


@shared_task(time_limit=60)
def evaluate_due_rules() -> None:
    evaluate_due(timezone.now())


@shared_task(time_limit=90)
def deliver_due_notifications() -> None:
    deliver_due(timezone.now())

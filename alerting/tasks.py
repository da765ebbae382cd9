"""Background work of alerting: thin, idempotent, each safe to run twice."""

from __future__ import annotations

import time

from celery import shared_task
from django.utils import timezone

from alerting.delivery import deliver_due
from alerting.evaluation import evaluate_due
from alerting.health import heartbeat, pulses
from alerting.why import samples


@shared_task(time_limit=60)
def evaluate_due_rules() -> None:
    tick = evaluate_due(timezone.now())
    done = {"rule_count": tick.rule_count, "unhealthy_count": tick.unhealthy_count}
    pulses.beat("evaluation", timezone.now(), duration_ms=tick.duration_ms, detail=done)


@shared_task(time_limit=90)
def deliver_due_notifications() -> None:
    started = time.perf_counter()
    counts = deliver_due(timezone.now())
    duration_ms = (time.perf_counter() - started) * 1000
    done = {status.value: count for status, count in counts.items()}
    pulses.beat("delivery", timezone.now(), duration_ms=duration_ms, detail=done)
    samples.gather_due(timezone.now())


@shared_task(time_limit=50)
def call_heartbeat() -> None:
    now = timezone.now()
    heartbeat.call(now)
    heartbeat.forget_missed_slots(now)

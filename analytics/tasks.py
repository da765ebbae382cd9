"""Background work of analytics: thin, idempotent, safe to run twice. The upkeep is the roof's: it takes turns there."""

from __future__ import annotations

from celery import shared_task

from analytics.journeys import forgetting

FORGET_SECONDS = 20


@shared_task(soft_time_limit=120, time_limit=150)
def forget_old_journeys() -> None:
    forgetting.forget(FORGET_SECONDS)

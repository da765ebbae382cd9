from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from alerting.evaluation import evaluate_due


class Command(BaseCommand):
    help = "Evaluate all rules that are due, once."

    def handle(self, *args: Any, **options: Any) -> None:
        tick = evaluate_due(timezone.now())
        self.stdout.write(
            f"{tick.rule_count} rules evaluated in {tick.duration_ms:.0f} ms: "
            f"{tick.change_count} alerts changed, {tick.unhealthy_count} rules unhealthy"
        )

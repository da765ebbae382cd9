from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from alerting.delivery import deliver_due


class Command(BaseCommand):
    help = "Send all notifications that are due, once."

    def handle(self, *args: Any, **options: Any) -> None:
        counts = deliver_due(timezone.now())
        told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()) if count)
        self.stdout.write(told or "nothing was due, or a pass is under way")

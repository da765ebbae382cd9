from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from projects.retention import Kind
from telemetry_platform import rollups
from telemetry_platform.purge import planning, running

OPTIONS: tuple[Kind, ...] = ("events", "metrics", "business", "traces", "alerts")


class Command(BaseCommand):
    help = "Deletes what is older than its project's retention, now. --dry-run only says what would go."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="delete nothing, print what would go")
        for kind in OPTIONS:
            parser.add_argument(
                f"--{kind}-days", type=_days, help=f"keep {kind} this long, in every project, this once"
            )

    def handle(self, *args: Any, **options: Any) -> None:
        by_hand: dict[Kind, int] = {
            kind: options[f"{kind}_days"] for kind in OPTIONS if options[f"{kind}_days"] is not None
        }
        if options["dry_run"]:
            self._preview(planning.plan(timezone.now(), by_hand))
            return
        # Raw rows go only when they are added up; without a worker nobody else does it.
        rollups.roll_up(timezone.now())
        report = running.purge(timezone.now(), by_hand=by_hand, tell=self.stdout.write)
        if report.failed:
            raise CommandError(f"{len(report.failed)} steps failed; the next run tries them again.")

    def _preview(self, steps: list[planning.Step]) -> None:
        previews = [preview for step in steps if (preview := step.preview)]
        for preview in previews:
            self.stdout.write(f"would delete {preview}")
        if not previews:
            self.stdout.write("Nothing has expired.")


def _days(text: str) -> int:
    days = int(text)
    if days < 0:
        raise ValueError
    return days

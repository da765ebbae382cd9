from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from projects.models import Project
from storage.rollups import engine
from storage.rollups.registry import Rollup, rollups
from storage.times import parse_time
from telemetry_platform.rollups import project_ids


class Command(BaseCommand):
    help = "Adds up minutes, hours and days from raw data. Days whose raw data was purged are named and kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--from", dest="start", type=parse_time, required=True, help="2026-11-01, or with a time"
        )
        parser.add_argument("--to", dest="end", type=parse_time, help="up to this time; now by default")
        parser.add_argument(
            "--only",
            choices=[rollup.name for rollup in rollups()],
            help="of this table alone; all by default",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        start, end = options["start"], options["end"] or timezone.now()
        if start >= end:
            raise CommandError("--from must lie before --to")
        for rollup in (one for one in rollups() if options["only"] in (None, one.name)):
            for project in Project.objects.order_by("slug"):
                self._invalidate(rollup, project, start, end)
            # What was loaded before the worker's first step isn't late, so no entry in the log speaks of it.
            is_level = engine.advance(rollup, timezone.now(), project_ids)
            is_done = engine.recompute(rollup, progress=partial(self._progress, rollup)) and is_level
            self.stdout.write(
                f"{rollup.name}: rebuilt."
                if is_done
                else f"{rollup.name}: not all yet; the worker goes on with the rest, and the log names days that fail."
            )

    def _invalidate(self, rollup: Rollup, project: Project, start: datetime, end: datetime) -> None:
        for day in engine.invalidate(rollup, project.pk, start, end):
            self.stderr.write(
                f"{rollup.name}: {day} of {project.slug} is frozen: its raw data was purged. Left as it is."
            )

    def _progress(self, rollup: Rollup, days_left: int) -> None:
        # A line that rewrites itself only makes sense where somebody looks.
        if self.stdout.isatty():
            self.stdout.write(f"\r{rollup.name}: {days_left:,} days to go ", ending="")
            self.stdout.flush()

from __future__ import annotations

import math
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from analytics.journeys import changes, upkeep
from analytics.journeys.ready import ensure_ready
from analytics.models.journeys import Journey


class Command(BaseCommand):
    help = (
        "Looks at all stored events again for the journeys. Times that are right stay as they are, also those of "
        "events that were purged since."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", help="Slug of a project; all by default.")
        parser.add_argument("--journey", help="Slug of a journey; all by default.")

    def handle(self, *args: Any, **options: Any) -> None:
        ensure_ready()
        journeys = Journey.objects.all()
        if options["project"]:
            journeys = journeys.filter(project__slug=options["project"])
        if options["journey"]:
            journeys = journeys.filter(slug=options["journey"])
        if not journeys:
            raise CommandError("There is no such journey.")
        for journey in journeys:
            changes.note_everything(journey.project_id, journey.pk)
        is_done = upkeep.catch_up(timezone.now(), math.inf, self._progress)
        self.stdout.write(
            f"{len(journeys)} journeys: rebuilt."
            if is_done
            else "Not all yet: the worker goes on with the rest, and the log names what fails."
        )

    def _progress(self, days_left: int) -> None:
        # A line that rewrites itself only makes sense where somebody looks.
        if self.stdout.isatty():
            self.stdout.write(f"\r{days_left:,} days to go ", ending="")
            self.stdout.flush()

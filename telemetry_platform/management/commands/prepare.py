"""Brings the database up to date; `up` runs it before anything serves."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from telemetry_platform.first_start import ensure_first_rows
from telemetry_platform.tasks import make_partitions


class Command(BaseCommand):
    help = "Migrate and make the first rows; progress on stderr, what was made as JSON on stdout."

    def handle(self, **_: Any) -> None:
        try:
            call_command("migrate", interactive=False, stdout=sys.stderr, verbosity=1)
            made = ensure_first_rows(settings.ENV)
            # Beat makes them every hour; a platform that was down for days begins with today's.
            make_partitions()
        except DatabaseError as error:
            raise CommandError(f"the database refuses: {' '.join(str(error).split())}") from error
        self.stdout.write(json.dumps(dataclasses.asdict(made)))

"""Spreads the big tables over the nodes of a Citus cluster."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError

from storage.connections import connect
from storage.distribution.obstacles import obstacles
from storage.distribution.placements import placements
from storage.distribution.steps import AlreadyRunning, distribute, planned_steps


class Command(BaseCommand):
    help = "Distributes events, spans and metrics over the nodes of Citus. --check only says what stands in the way."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="change nothing; exit code 1 if something is in the way"
        )
        parser.add_argument(
            "--shards", type=_shards, help="pieces per table (default: citus.shard_count, 32)"
        )

    def handle(self, *, check: bool, shards: int | None, **_: Any) -> None:
        planned = placements()
        with connect(direct=True) as connection:
            found = obstacles(connection, planned)
            for obstacle in found:
                self.stderr.write(f"in the way: {obstacle}")
            if found:
                raise CommandError("nothing was changed" if not check else f"{len(found)} in the way")
            if check:
                steps = planned_steps(connection, planned)
                for step in steps:
                    self.stdout.write(f"to do: {step}")
                self.stdout.write("Nothing stands in the way." if steps else "Everything is distributed.")
                return
            try:
                distribute(connection, planned, shards, self.stdout.write)
            except AlreadyRunning:
                raise CommandError("another `distribute` is running") from None
            except psycopg.Error as error:
                raise CommandError(f"{' '.join(str(error).split())}; run it again to go on") from error


def _shards(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError
    return count

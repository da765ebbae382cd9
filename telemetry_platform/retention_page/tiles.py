"""The numbers on top of the page: how much there is, how much fits, and whether roll-ups and purge keep up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.html import format_html
from django.utils.safestring import SafeString

from projects import figures
from storage.rollups.watermarks import State
from telemetry_platform.models import PurgeRun
from telemetry_platform.retention_page.facts import Disk, Facts

LATE = timedelta(minutes=15)
SCARCE_RATIO = 0.1
NOT_BEGUN_BEFORE_YEAR = 2001
"""A watermark that old is where an empty table begins."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One number: what it is, how much, in words beside it."""

    label: str
    value: str | SafeString
    note: str | SafeString
    state: str = "quiet"


def tiles(facts: Facts, now: datetime) -> list[Tile]:
    return [
        Tile("Database", figures.size(facts.database_bytes), "on disk, with its indexes"),
        free_tile(facts.disk),
        rollup_tile(facts.rollups, now),
        purge_tile(facts.last_run, facts.schedule, now),
    ]


def free_tile(disk: Disk) -> Tile:
    note = f"of {figures.size(disk.total_bytes)} on the data folder's disk"
    is_scarce = disk.free_bytes < SCARCE_RATIO * disk.total_bytes
    return Tile("Free", figures.size(disk.free_bytes), note, "warning" if is_scarce else "quiet")


def rollup_tile(rollups: Sequence[State], now: datetime) -> Tile:
    begun = [state for state in rollups if state.closed_to.year >= NOT_BEGUN_BEFORE_YEAR]
    waiting = sum(state.invalid_hours for state in rollups)
    note = f"{waiting:,} hours wait to be added up again" if waiting else "no hour waits to be added up again"
    if not begun:
        return Tile("Roll-ups", "none yet", note)
    slowest = min(begun, key=lambda state: state.closed_to)
    behind = now - slowest.closed_to
    if behind > LATE:
        note = f"in {slowest.raw_table}; {note}"
    value = format_html("{} behind", figures.duration(1000 * max(behind.total_seconds(), 0)))
    return Tile("Roll-ups", value, note, "warning" if behind > LATE else "quiet")


def purge_tile(run: PurgeRun | None, schedule: str, now: datetime) -> Tile:
    when = schedule or "switched off in the periodic tasks"
    if run is None:
        return Tile("Last purge", "none yet", when, "quiet" if schedule else "warning")
    state = "error" if run.failed else "quiet" if schedule else "warning"
    return Tile("Last purge", figures.age_html(run.started_at, now), f"{outcome(run)}; {when}", state)


def outcome(run: PurgeRun) -> str:
    """The result of a run in a few words."""
    if run.ended_at is None:
        return "running, or ended by force"
    words = f"{len(run.done)} steps done" if run.done else "nothing had expired"
    if run.failed:
        words += f", {len(run.failed)} failed"
    if run.left_count:
        words += f", {run.left_count} left for the next one"
    return words

"""Whether the platform works: rules, channels and messages of the reader's projects, and the platform itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.safestring import SafeString

from alerting.display.badges import badge
from alerting.health import stalls, troubles
from alerting.health.troubles import Trouble
from projects import figures
from projects.models import Project
from storage.rollups import watermarks
from storage.writer import get_writer
from telemetry_platform import leases
from telemetry_platform.beat import LEASE as BEAT_LEASE
from telemetry_platform.models import PurgeRun
from telemetry_platform.retention_page import facts as storage_facts
from telemetry_platform.retention_page.tiles import Tile, free_tile, purge_tile, rollup_tile
from telemetry_platform.worker_lease import LEASE as WORKER_LEASE

WORRYING = {"warning": "warning", "error": "bad"}
"""States of the storage page's tiles that somebody should know of, and how badges call them."""


@dataclass(frozen=True, slots=True)
class Defect:
    """Something that does not work: what, why, and what its link does."""

    mark: SafeString
    what: str
    detail: str
    since: SafeString | str
    url: str
    action: str


def of_alerting(projects: QuerySet[Project], now: datetime, *, with_channels: bool) -> list[Defect]:
    """Stalls first, then channels, then rules. Seven queries."""
    due, oldest = stalls.due_rules_here_and_anywhere(now, troubles.SHOWN, projects)
    facts = stalls.facts(now, waiting=oldest)
    health = reverse("alerting_health")
    stalled = badge("bad", "error", "stalled")
    defects = [
        Defect(stalled, what, sentence, "", health, "Why")
        for what, sentence in (
            ("Rules are not evaluated", stalls.evaluation_stall(facts, now)),
            ("Messages are not delivered", stalls.delivery_stall(facts, now)),
        )
        if sentence
    ]
    if with_channels:
        defects += _named("Channel", troubles.channels_in_trouble(projects, now), "Fix")
    defects += _named("Rule", troubles.unhealthy_rules(projects), "Fix")
    defects += _named("Rule", troubles.late_rules(due, now), "Why")
    return defects + _of_missed(troubles.rules_that_missed(projects, now), health)


def _of_missed(rows: Sequence[Mapping[str, Any]], url: str) -> list[Defect]:
    """One line for all rules: a restart makes each miss a slot, which nobody has to look at rule by rule."""
    if not rows:
        return []
    worst, count = rows[0], len(rows)
    what = "A rule missed evaluations" if count == 1 else f"{count} rules missed evaluations"
    detail = f"in 24 h, most of them {worst['rule__name']}: {figures.number(worst['total'])}"
    return [Defect(badge("warning", "event_busy", "missed slots"), what, detail, "", url, "Why")]


def of_platform(now: datetime) -> list[Defect]:
    """What concerns all projects at once: processes, queue, disk, roll-ups and purge. Five queries."""
    stopped = badge("bad", "error", "stopped")
    url = reverse("alerting_health")
    defects = []
    if not leases.is_held(WORKER_LEASE):
        why = "Rules, messages and purges wait. Look at the output of the process worker."
        defects.append(Defect(stopped, "No worker runs", why, "", url, "Why"))
    if not leases.is_held(BEAT_LEASE):
        why = "Nothing that should happen by itself begins. Look at the output of the process beat."
        defects.append(Defect(stopped, "No scheduler runs", why, "", url, "Why"))
    if get_writer().is_full():
        full, why = badge("bad", "error", "full"), "Clients are told to try again later."
        defects.append(Defect(full, "The queue to the database is full", why, "", reverse("sources"), "Why"))
    return defects + _of_storage(_storage_tiles(now))


def _storage_tiles(now: datetime) -> list[Tile]:
    run = PurgeRun.objects.order_by("-started_at").first()
    return [
        free_tile(storage_facts.disk()),
        rollup_tile(watermarks.states(), now),
        purge_tile(run, storage_facts.purge_schedule(), now),
    ]


def _of_storage(tiles: Sequence[Tile]) -> list[Defect]:
    words = {"Free": "The disk is nearly full"}
    return [
        Defect(
            badge(WORRYING[tile.state], "hard_drive", "storage"),
            words.get(tile.label, tile.label),
            f"{tile.value}, {tile.note}",
            "",
            reverse("storage"),
            "Why",
        )
        for tile in tiles
        if tile.state in WORRYING
    ]


def _named(noun: str, found: Sequence[Trouble], action: str) -> list[Defect]:
    return [Defect(one.mark, f'{noun} "{one.what}"', one.detail, one.since, one.url, action) for one in found]

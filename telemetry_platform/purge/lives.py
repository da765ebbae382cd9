"""Who keeps what for how long: policies, defaults and what was asked for by hand, as days and as moments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from projects.models import Project
from projects.retention import FOR_EVER, Days, Kind, default_days, given_days
from storage.partitions import start_of
from storage.registry import Table
from storage.rollups.registry import rollups

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Lives:
    """Days kept of one kind: of the projects that differ, and of all others."""

    by_project: Mapping[int, int]
    others: int

    @property
    def longest(self) -> int:
        return max(self.others, *self.by_project.values(), 0)

    def goes_at(self, day: date) -> datetime | None:
        """When a whole day has expired for every project; None where one keeps it for ever."""
        return None if self.longest >= FOR_EVER else start_of(day) + DAY * (self.longest + 1)


@dataclass(frozen=True, slots=True)
class Expiry:
    """Whose data goes, and from before when."""

    cutoff: datetime
    project_ids: list[int]
    whose: str

    @property
    def text(self) -> str:
        return f"from before {self.cutoff:%Y-%m-%d %H:%M} UTC of {self.whose}"


@dataclass(frozen=True, slots=True)
class Policies:
    """Days kept of every kind by each project. `by_hand` are days by kind that count for every project this once."""

    slugs: Mapping[int, str]
    given: Mapping[int, Days]
    default: Days
    by_hand: Mapping[Kind, int] = field(default_factory=dict)

    def lives(self, kind: Kind, made_from: Kind | None = None) -> Lives:
        """Of one kind; roll-ups live at least as long as the raw data they are `made_from`."""
        others = self._days(self.default, kind, made_from)
        by_project = {pk: self._days(days, kind, made_from) for pk, days in sorted(self.given.items())}
        return Lives({pk: days for pk, days in by_project.items() if days != others}, others)

    def lives_of(self, table: Table) -> Lives:
        """Of a table that has a retention."""
        assert table.retention is not None
        return self.lives(table.retention, made_from().get(table.name))

    def expiries(self, lives: Lives, now: datetime) -> list[Expiry]:
        """One per different life that ends, the shortest first."""
        by_days: dict[int, list[int]] = {}
        for project_id in self.slugs:
            by_days.setdefault(lives.by_project.get(project_id, lives.others), []).append(project_id)
        return [
            Expiry(now - DAY * days, ids, self._whose(ids, is_rest=days == lives.others))
            for days, ids in sorted(by_days.items())
            if days < FOR_EVER
        ]

    def _days(self, days: Days, kind: Kind, made_from: Kind | None) -> int:
        own = self.by_hand.get(kind, days[kind])
        return max(own, self.by_hand.get(made_from, days[made_from])) if made_from else own

    def _whose(self, project_ids: list[int], *, is_rest: bool) -> str:
        if len(project_ids) == len(self.slugs):
            return "all projects"
        return "all other projects" if is_rest else ", ".join(self.slugs[pk] for pk in project_ids)


def load(by_hand: Mapping[Kind, int] | None = None) -> Policies:
    """The policies as they are now; two queries."""
    slugs = dict(Project.objects.order_by("pk").values_list("pk", "slug"))
    return Policies(slugs, given_days(), default_days(), by_hand or {})


def made_from() -> dict[str, Kind]:
    """Roll-up table -> the kind of its raw data."""
    return {
        tier.table.name: rollup.raw.retention
        for rollup in rollups()
        if rollup.raw.retention
        for tier in rollup.tiers
    }

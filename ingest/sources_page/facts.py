"""What the page shows, read in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import F, Max, Sum

from ingest.models import SourceMinute, SourceProblem
from ingest.sources.tallies import Source
from projects.models import ApiKey

LOOKS_BACK = timedelta(hours=1)
NO_PROJECT = 0
_SOURCE = ("project_id", "key_id", "format_name", "path")


@dataclass(frozen=True, slots=True)
class FoundProblem:
    """One reason over the whole hour; message and sample are the newest."""

    status: int
    code: str
    field: str
    count: int
    last_seen_at: datetime
    message: str
    sample: str


@dataclass(frozen=True, slots=True)
class Facts:
    """`last_seen` looks back a day, everything else an hour. Without known key, a source's project is 0."""

    minutes: Mapping[Source, list[SourceMinute]]
    problems: Mapping[Source, list[FoundProblem]]
    last_seen: Mapping[Source, datetime]
    keys: Mapping[int, ApiKey]


def load(project_id: int, now: datetime) -> Facts:
    """Of one project, and of requests that brought no known key: nobody can say whose they are."""
    since = (now - LOOKS_BACK).replace(second=0, microsecond=0)
    of_project = SourceMinute.objects.filter(project_id__in=(project_id, NO_PROJECT))
    minutes: dict[Source, list[SourceMinute]] = {}
    for row in of_project.filter(minute__gte=since).order_by("minute"):
        source = Source(row.project_id, row.key_id, row.format_name, row.path)
        minutes.setdefault(source, []).append(row)
    seen = of_project.values_list(*_SOURCE).annotate(Max("last_seen_at"))
    return Facts(
        minutes=minutes,
        problems=_problems(project_id, since),
        last_seen={Source(*place): at for *place, at in seen},
        keys={key.pk: key for key in ApiKey.objects.filter(project_id=project_id)},
    )


def _problems(project_id: int, since: datetime) -> dict[Source, list[FoundProblem]]:
    """The most frequent first."""
    newest = F("last_seen_at").desc()
    rows = (
        SourceProblem.objects.filter(project_id__in=(project_id, NO_PROJECT), minute__gte=since)
        .values_list(*_SOURCE, "status", "code", "field")
        .annotate(
            total=Sum("count"),
            seen=Max("last_seen_at"),
            messages=ArrayAgg("message", order_by=newest),
            samples=ArrayAgg("sample", order_by=newest),
        )
        .order_by("-total")
    )
    found: dict[Source, list[FoundProblem]] = {}
    for project, key, name, path, status, code, field, total, seen, messages, samples in rows:
        sample = next(filter(None, samples), "")
        problem = FoundProblem(status, code, field, total, seen, messages[0], sample)
        found.setdefault(Source(project, key, name, path), []).append(problem)
    return found

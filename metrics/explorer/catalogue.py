"""Which metrics a project has: names in order, page by page, with what is known of each.

Names come from the index on (project, name) and stop after a page; facts are read of that page's series only. Measured
with 100,000 series: see docs/decisions.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from metrics.models import MetricSeries
from metrics.queries import describe

PAGE_SIZE = 50
SAMPLED_SERIES = 10
"""Of each metric, for when it was last seen: one step down an index a series and day."""

SEEN_WITHIN = timedelta(days=7)
AHEAD = timedelta(hours=1)
"""Clocks of clients differ."""

_NAMES = """
    SELECT name FROM metric_series
    WHERE project_id = %(project_id)s AND name > %(after)s
      AND (%(search)s = '' OR strpos(lower(name), lower(%(search)s)) > 0)
      AND (%(service)s = '' OR service_name = %(service)s)
    GROUP BY name ORDER BY name LIMIT %(limit)s
"""

# The last of the array: rows are never changed, so these are the series that came last.
_FACTS = """
    SELECT name, metric_type, unit, coalesce(service_name, ''), count(*),
           (array_agg(id))[greatest(count(*) - 1, 1)::int:count(*)::int]
    FROM metric_series WHERE project_id = %(project_id)s AND name = ANY(%(names)s)
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 5 DESC, 4
"""

_LAST_SEEN = """
    SELECT wanted.name, max(newest."timestamp")
    FROM metric_series AS wanted
    CROSS JOIN LATERAL (
        SELECT "timestamp" FROM metric_points
        WHERE series_id = wanted.id AND "timestamp" >= %(since)s AND "timestamp" < %(until)s
        ORDER BY "timestamp" DESC LIMIT 1
    ) AS newest
    WHERE wanted.id = ANY(%(series_ids)s)
    GROUP BY 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One name. `services`: those with most series first; `last_seen` is None where that is longer ago than a week."""

    name: str
    types: Sequence[str]
    units: Sequence[str]
    services: Sequence[str]
    series_count: int
    description: str
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of metrics; `after` is the name that the next one begins behind, "" on the last."""

    metrics: Sequence[Metric]
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Names that contain `text` and, where given, that `service` has; behind the name `after`."""

    text: str = ""
    service: str = ""
    after: str = ""


def listed(project_id: int, search: Search, now: datetime, limit: int = PAGE_SIZE) -> Listing:
    """Four queries, however many series there are."""
    names = _names(project_id, search, limit + 1)
    shown = names[:limit]
    if not shown:
        return Listing([], "")
    facts = _facts(project_id, shown)
    sample = [one for rows in facts.values() for one in _sample(rows)]
    last_seen = _last_seen(sample, now)
    described = _descriptions(project_id, shown)
    metrics = [
        _metric(name, facts[name], described[name], last_seen.get(name)) for name in shown if name in facts
    ]
    return Listing(metrics, shown[-1] if len(names) > limit else "")


def has_metrics(project_id: int) -> bool:
    return MetricSeries.objects.filter(project_id=project_id).exists()


@dataclass(frozen=True, slots=True)
class _Fact:
    """The series of a metric that share type, unit and service."""

    metric_type: str
    unit: str
    service: str
    count: int
    newest_ids: Sequence[int]


def _names(project_id: int, search: Search, limit: int) -> list[str]:
    given = {"search": search.text, "service": search.service, "after": search.after, "limit": limit}
    return [name for (name,) in _rows(_NAMES, {"project_id": project_id, **given})]


def _facts(project_id: int, names: Sequence[str]) -> dict[str, list[_Fact]]:
    found: dict[str, list[_Fact]] = defaultdict(list)
    for name, *fact in _rows(_FACTS, {"project_id": project_id, "names": list(names)}):
        found[name].append(_Fact(*fact))
    return found


def _sample(facts: Sequence[_Fact]) -> list[int]:
    return [series_id for fact in facts for series_id in fact.newest_ids][:SAMPLED_SERIES]


def _last_seen(series_ids: Sequence[int], now: datetime) -> dict[str, datetime]:
    bounds = {"since": now - SEEN_WITHIN, "until": now + AHEAD}
    return dict(_rows(_LAST_SEEN, {"series_ids": list(series_ids), **bounds}))


def _descriptions(project_id: int, names: Iterable[str]) -> dict[str, str]:
    series = [MetricSeries(name=name) for name in names]
    describe(project_id, series)
    return {one.name: one.description for one in series}


def _metric(name: str, facts: Sequence[_Fact], description: str, last_seen: datetime | None) -> Metric:
    services: Counter[str] = Counter()
    for fact in facts:
        services[fact.service] += fact.count
    return Metric(
        name=name,
        types=list(dict.fromkeys(fact.metric_type for fact in facts)),
        units=list(dict.fromkeys(fact.unit for fact in facts if fact.unit)),
        services=[service for service, _ in services.most_common() if service],
        series_count=sum(fact.count for fact in facts),
        description=description,
        last_seen=last_seen,
    )


def _rows(sql: str, parameters: Mapping[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[Any] = cursor.fetchall()
        return rows

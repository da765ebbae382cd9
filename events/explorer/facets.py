"""The most frequent values of what people filter by, with counts, of a bounded number of the newest events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from events.explorer.fields import MAX_GROUP_LENGTH
from events.explorer.reading import around, fetch, selected
from events.explorer.selection import Selection
from events.explorer.walking import backwards
from storage.sql_pieces import Sql

SAMPLE = 10_000
NAMES = ("severity", "event_name", "event_type", "event_category", "tenant_id", "source")
MAX_VALUES = 8
MAX_TAGS = 8
"""Keys of tags, those that most events have."""


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value, in how many events of the sample it is, and the pages with it alone and without it."""

    value: str
    count: int
    width: str
    """Its share of the sample, as CSS."""
    url: str
    url_without: str


@dataclass(slots=True)
class Facet:
    """A field and its most frequent values."""

    name: str
    url: str
    """The page that counts by it."""
    values: list[FacetValue] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Facets:
    """`is_whole`: all events of the range were counted, and no sample."""

    facets: list[Facet]
    sampled: int
    is_whole: bool
    read_back_to: datetime | None


def facets_of(selection: Selection) -> Facets:
    """Two reads: how far back the newest SAMPLE events reach, and the values within that time."""
    end = selection.scope.range.end
    sampled, low = _reach(selection)
    start = selection.scope.range.start
    rows = fetch(_values(selection, low, end)) if sampled else []
    return Facets(
        facets=_facets(selection, rows, sampled),
        sampled=sampled,
        is_whole=sampled < SAMPLE and low <= start,
        read_back_to=low if sampled < SAMPLE and low > start else None,
    )


def _reach(selection: Selection) -> tuple[int, datetime]:
    """How many events there are, at most SAMPLE, and the time of the oldest of them or where looking ended."""
    found, low = 0, selection.scope.range.end
    for low, high in backwards(selection.scope.range.start, selection.scope.range.end):
        statement = around(
            "SELECT count(*), min(event_timestamp) FROM (",
            selected(selection, Sql("event_timestamp"), low, high),
            " ORDER BY event_timestamp DESC, id DESC LIMIT %s) AS newest",
            SAMPLE - found,
        )
        count, oldest = fetch(statement)[0]
        found += count
        if found >= SAMPLE:
            return found, oldest
    return found, low


def _values(selection: Selection, low: datetime, high: datetime) -> Sql:
    """Rows of (field, value, events), most frequent first within each field."""
    listed = ", ".join(f"('{name}', {name})" for name in NAMES)
    return around(
        "WITH sample AS MATERIALIZED (",
        selected(selection, Sql(", ".join((*NAMES, "tags"))), low, high),
        f""" ORDER BY event_timestamp DESC, id DESC LIMIT %s), counted AS (
            SELECT name, value, count(*) AS event_count FROM sample
            CROSS JOIN LATERAL (
                VALUES {listed}
                UNION ALL
                SELECT 'tags.' || key, value FROM jsonb_each_text(tags) AS tag (key, value)
            ) AS facet (name, value)
            WHERE value <> '' AND length(value) <= {MAX_GROUP_LENGTH} AND length(name) <= {MAX_GROUP_LENGTH}
            GROUP BY name, value
        ), ranked AS (
            SELECT *, row_number() OVER (PARTITION BY name ORDER BY event_count DESC, value) AS place,
                   sum(event_count) OVER (PARTITION BY name) AS name_count
            FROM counted
        )
        SELECT name, value, event_count FROM ranked WHERE place <= %s
        ORDER BY starts_with(name, 'tags.'), name_count DESC, name, event_count DESC, value LIMIT %s""",
        SAMPLE,
        MAX_VALUES,
        MAX_VALUES * (len(NAMES) + MAX_TAGS),
    )


def _facets(selection: Selection, rows: Iterable[tuple[str, str, int]], sampled: int) -> list[Facet]:
    """Columns in the order of NAMES, then tags by frequency."""
    found: dict[str, Facet] = {}
    for name, value, count in rows:
        facet = found.setdefault(name, Facet(name, selection.scope.here(by=name)))
        links = (selection.having(name, value), selection.without(name, value))
        facet.values.append(FacetValue(value, count, f"{count / sampled:.1%}", *links))
    columns = [found.pop(name) for name in NAMES if name in found]
    return columns + list(found.values())[:MAX_TAGS]

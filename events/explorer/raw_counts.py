"""Counts of raw events, for what no roll-up holds: read backwards within a time that people wait for."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime

from events.explorer.counts import MAX_GROUPS, Counts, Group
from events.explorer.fields import Field
from events.explorer.reading import around, fetch, selected
from events.explorer.selection import Selection
from events.explorer.users import users_since
from events.explorer.walking import backwards
from events.rollups import IS_ERROR
from storage.rollups.windows import Window
from storage.sql_pieces import Sql, joined

MAX_ROWS = 20_000
"""Of one piece, a row for each bucket and value: what differs in every event is not counted to its last value."""

QUICK_SECONDS = 0.5
"""Telling users apart takes as long once more, so only where that is known to be quick."""


def count_raw(selection: Selection, by: Field) -> Counts:
    """By any field; exact as far back as it came. Users are counted only where there are few events."""
    time_range = selection.scope.range
    tally, low, is_cut = _Tally(time_range.window()), time_range.end, False
    began = time.monotonic()
    for low, high in backwards(time_range.start, time_range.end):
        rows = fetch(_piece(selection, by, tally.window, low, high))
        is_cut = is_cut or len(rows) == MAX_ROWS
        for row in rows:
            tally.add(*row)
    is_quick = time.monotonic() - began < QUICK_SECONDS
    groups = tally.groups()
    counts = Counts(
        by=by.name,
        window=tally.window,
        groups=groups[:MAX_GROUPS],
        totals=tally.totals,
        errors=tally.errors,
        read_back_to=low if low > time_range.start else None,
        has_more_groups=is_cut or len(groups) > MAX_GROUPS,
    )
    if is_quick:
        counts.users = users_since(selection, by, low)
    return counts


class _Tally:
    """Counts, piece by piece."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.totals = [0] * window.bucket_count
        self.errors = [0] * window.bucket_count
        self._by_value: dict[str | None, list[int]] = {}
        self._value_errors: Counter[str | None] = Counter()

    def add(self, slot: int, value: str | None, is_total: int, event_count: int, error_count: int) -> None:
        if is_total:
            self.totals[slot] += event_count
            self.errors[slot] += error_count
            return
        counts = self._by_value.setdefault(value, [0] * self.window.bucket_count)
        counts[slot] += event_count
        self._value_errors[value] += error_count

    def groups(self) -> list[Group]:
        """Those with most events first."""
        found = [Group(value, counts, self._value_errors[value]) for value, counts in self._by_value.items()]
        return sorted(found, key=lambda group: (-group.event_count, group.value or ""))


def _piece(selection: Selection, by: Field, window: Window, low: datetime, high: datetime) -> Sql:
    """Rows of (bucket's number, value, whether it stands for all values, events, errors)."""
    slot = Sql(
        "floor(date_part('epoch', event_timestamp - %s::timestamptz) / %s::float8)::int AS slot",
        (window.start, window.interval.total_seconds()),
    )
    value = by.group
    named = Sql(f"{value.text} AS value", value.parameters)
    columns = joined([slot, named, Sql(f"({IS_ERROR}) AS is_error")])
    # The sums out of the counts: over tables on several servers there are no grouping sets.
    return around(
        "WITH counted AS MATERIALIZED ("
        "SELECT slot, value, count(*) AS event_count, count(*) FILTER (WHERE is_error) AS error_count FROM (",
        selected(selection, columns, low, high),
        ") AS found GROUP BY slot, value) "
        "SELECT slot, value, 0 AS is_total, event_count, error_count FROM counted UNION ALL "
        "SELECT slot, NULL, 1, sum(event_count)::bigint, sum(error_count)::bigint FROM counted GROUP BY slot "
        "ORDER BY is_total DESC, event_count DESC LIMIT %s",
        MAX_ROWS,
    )

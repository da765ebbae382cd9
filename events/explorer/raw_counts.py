"""Counts of raw events, for what no roll-up holds: read backwards within a time that people wait for."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime

from events.explorer.counts import MAX_GROUPS, Counts, Group
from events.explorer.fields import Field, Sql
from events.explorer.reading import around, columns_of, fetch, selected
from events.explorer.selection import Selection
from events.explorer.walking import backwards
from events.rollups import ACTOR, IS_ERROR
from storage.rollups.windows import Window

MAX_ROWS = 20_000
"""Of one piece, a row for each bucket and value: what differs in every event is not counted to its last value."""

QUICK_SECONDS = 0.5
"""Users have to be told apart over the whole range at once, so only where that is known to be quick."""


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
        add_users(counts, selection, by, low)
    return counts


def add_users(counts: Counts, selection: Selection, by: Field, low: datetime) -> None:
    """Counts distinct users since `low`, in all and by value: a look at every event."""
    columns = columns_of(Sql(f"{by.group.template} AS value", by.group.parameters), Sql(f"{ACTOR} AS actor"))
    rows = fetch(
        around(
            "SELECT grouping(value), value, count(DISTINCT actor) FROM (",
            selected(selection, columns, low, selection.scope.range.end),
            ") AS found GROUP BY GROUPING SETS ((value), ()) ORDER BY 1 DESC, 3 DESC LIMIT {}",
            MAX_ROWS,
        )
    )
    counts.user_count = rows[0][2]
    by_value = {value: user_count for is_total, value, user_count in rows if not is_total}
    for group in counts.groups:
        group.user_count = by_value.get(group.value, 0)


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
        "floor(date_part('epoch', event_timestamp - {}::timestamptz) / {}::float8)::int AS slot",
        (window.start, window.interval.total_seconds()),
    )
    value = Sql(f"{by.group.template} AS value", by.group.parameters)
    columns = columns_of(slot, value, Sql(f"({IS_ERROR}) AS is_error"))
    return around(
        "SELECT slot, value, grouping(value), count(*), count(*) FILTER (WHERE is_error) FROM (",
        selected(selection, columns, low, high),
        ") AS found GROUP BY GROUPING SETS ((slot, value), (slot)) ORDER BY 3 DESC, 4 DESC LIMIT {}",
        MAX_ROWS,
    )

"""Counts by a field: which way they are read, and as rows of a table."""

from __future__ import annotations

from typing import Any

from events.explorer.chart import NOTHING
from events.explorer.counts import Counts, Group, count_rolled_up, rolled_up_window
from events.explorer.fields import MAX_GROUP_LENGTH, field_of
from events.explorer.raw_counts import count_raw
from events.explorer.selection import Selection
from events.explorer.users import users_of_rolled_up
from events.rollups import DIMENSIONS

USUAL = "event_name"
OFFERED = ("severity", "event_name", "event_type", "event_category", "tenant_id", "source", "user_id")
"""What one most often counts by; any other field comes from a facet or an event."""
MAX_ROWS = 15


def count(selection: Selection, by: str) -> Counts:
    """From roll-ups where they hold what is asked, else from as many raw events as there is time for."""
    window = rolled_up_window(selection, by) if by in DIMENSIONS else None
    if window is None:
        return count_raw(selection, field_of(by))
    counts = count_rolled_up(selection, by, window)
    counts.users = users_of_rolled_up(selection, counts)
    return counts


def rows_of(selection: Selection, counts: Counts) -> dict[str, Any]:
    """What the template shows of the counts as a table."""
    total = counts.event_count
    return {
        "rows": [_row(selection, counts, group) for group in counts.groups[:MAX_ROWS]],
        "left_out": max(len(counts.groups) - MAX_ROWS, 0),
        "error_ratio": counts.error_count / total if total else None,
    }


def _row(selection: Selection, counts: Counts, group: Group) -> dict[str, Any]:
    value, share = group.value or "", group.event_count / (counts.event_count or 1)
    # What may have been cut can't be asked for.
    is_whole = len(value) < MAX_GROUP_LENGTH
    return {
        "value": value or NOTHING,
        "count": group.event_count,
        "share": share,
        "width": f"{share:.1%}",
        "errors": group.error_count,
        "users": counts.users.by_value.get(group.value, 0) if counts.users else None,
        "url": selection.having(counts.by, value) if is_whole else "",
        "url_without": selection.without(counts.by, value) if is_whole else "",
    }

"""SQL for what the events of one session say of it."""

from __future__ import annotations

_BLANKS = r"E' \t\n\r\f\v'"
_KEYS = ", ".join(f"nullif(btrim(event_data ->> '{key}', {_BLANKS}), '')" for key in ("path", "url", "page"))
PAGE = f"coalesce({_KEYS})"
"""The page that an event names; one of blanks alone is none."""

IS_PAGE_VIEW = """(event_type IN ('page', 'screen', 'page_view', 'screen_view')
    OR event_name IN ('page', 'screen', 'page_view', 'page_viewed', 'pageview', '$pageview', 'screen_view'))"""

COLUMNS = f"event_timestamp, id, event_name, source, {PAGE} AS named_page, {IS_PAGE_VIEW} AS is_page_view"
"""Of an event."""


def _first(direction: str) -> str:
    """The first page in this direction, else the first event's name."""
    order = f"ORDER BY event_timestamp {direction}, id {direction}"
    return (
        f"coalesce((array_agg(named_page {order}) FILTER (WHERE named_page IS NOT NULL))[1], "
        f"(array_agg(event_name {order}))[1])"
    )


DETAILS = f"""count(*) AS event_count, count(*) FILTER (WHERE is_page_view) AS page_view_count,
    {_first("ASC")} AS entry, {_first("DESC")} AS exit,
    (array_agg(source ORDER BY event_timestamp, id) FILTER (WHERE source <> ''))[1] AS source"""
"""Of a group of events that have these columns, in the order of a `Session`."""

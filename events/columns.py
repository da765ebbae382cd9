"""What filters, groups and matchers may name of an event, and SQL for its text. One list for all of them."""

from __future__ import annotations

from collections.abc import Iterable

from storage.sql_pieces import Sql

TEXT_COLUMNS = {
    "id": "id::text",
    "event_type": "event_type",
    "event_name": "event_name",
    "event_category": "event_category",
    "severity": "severity",
    "user_id": "user_id",
    "anonymous_id": "anonymous_id",
    "tenant_id": "tenant_id",
    "session_id": "session_id",
    "source": "source",
    "source_ip": "host(source_ip)",
    "user_agent": "user_agent",
    "duration_ms": "duration_ms::text",
    "trace_id": "trace_id",
    "span_id": "span_id",
}
"""Plain columns by the names of the API, as SQL that gives text or null."""

JSON_COLUMNS = {"tags": "tags", "properties": "event_data"}
"""Columns of JSON objects: `tags.<key>` and `properties.<key>` name what is in them."""


def is_column(name: str) -> bool:
    """Whether an event has this column, or may have this key."""
    prefix, dot, key = name.partition(".")
    return name in TEXT_COLUMNS or bool(dot and key and prefix in JSON_COLUMNS)


def columns_in_words(names: Iterable[str] = TEXT_COLUMNS) -> str:
    """What may be named, for error messages."""
    return ", ".join([*names, *(f"{prefix}.<key>" for prefix in JSON_COLUMNS)])


def text_of_column(name: str) -> Sql:
    """The column's text, null where it is missing. Raises KeyError for what is no column."""
    if name in TEXT_COLUMNS:
        return Sql(TEXT_COLUMNS[name])
    prefix, _, key = name.partition(".")
    return Sql(f"{JSON_COLUMNS[prefix]} ->> %s", (key,))


def number_of_column(name: str) -> Sql | None:
    """The column's number, null where it holds none; None for columns that never hold one. Raises KeyError.

    As numeric where it comes out of JSON, whose numbers may be beyond any float.
    """
    if name == "duration_ms":
        return Sql(name)
    if name in TEXT_COLUMNS:
        return None
    prefix, _, key = name.partition(".")
    value = f"{JSON_COLUMNS[prefix]} -> %s"
    return Sql(f"(CASE jsonb_typeof({value}) WHEN 'number' THEN ({value})::numeric END)", (key, key))

"""Whose events belong together: a person, or the value of any column."""

from __future__ import annotations

from collections.abc import Mapping

from events.columns import text_of_column
from events.identities import persons_of
from events.trails import IDENTIFIER
from storage.sql_pieces import Sql

PERSON = "user_id"
"""Names a person: the user id with the anonymous ids merged into it, else the anonymous id."""

UNIT_WORDS: Mapping[str, str] = {
    PERSON: "people",
    "session_id": "sessions",
    "tenant_id": "tenants",
    "source_ip": "addresses",
}
"""Units that have a name of their own, in the plural: what pages offer. A URL may name any column."""


def unit_words(unit: str) -> str:
    return UNIT_WORDS.get(unit, f"values of {unit}")


def unit_of_event(unit: str) -> Sql:
    """The unit that a row of `from_events` belongs to, null where it belongs to none."""
    if unit == PERSON:
        return Sql(f"coalesce(persons.person, {IDENTIFIER})")
    column = text_of_column(unit)
    return Sql(f"nullif({column.text}, '')", column.parameters)


def from_events(unit: str, project_id: int) -> str:
    """What stands after FROM, so that `unit_of_event` can be read."""
    if unit != PERSON:
        return "telemetry_events"
    persons = persons_of(str(int(project_id)))
    return f"telemetry_events LEFT JOIN ({persons}) AS persons ON persons.identifier = {IDENTIFIER}"

"""The fields that events are filtered, counted and listed by, as URLs and the search box name them.

What an event has is written in `events.columns`; keys and values travel as parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from events.columns import (
    JSON_COLUMNS,
    TEXT_COLUMNS,
    columns_in_words,
    is_column,
    number_of_column,
    text_of_column,
)
from events.models import Event
from projects.pages.page import Problem
from storage.sql_pieces import Sql

MAX_KEY_LENGTH = 200
MAX_GROUP_LENGTH = 200
"""Of values that events are counted by; longer ones are counted together where they begin alike."""

NAMES = tuple(name for name in TEXT_COLUMNS if name != "id")
"""All but the id: nobody counts by what differs in every event, and `events.explorer.conditions` looks it up."""

ALIASES: Mapping[str, str] = {"license_id": "tenant_id"}
_PREFIX_ALIASES = {"event_data": "properties"}


@dataclass(frozen=True, slots=True)
class Field:
    """A column of `events.columns`, or a key of one that holds JSON."""

    name: str

    @property
    def is_key(self) -> bool:
        return self.name not in TEXT_COLUMNS

    @property
    def text(self) -> Sql:
        """The value as text; null where there is none."""
        return text_of_column(self.name)

    @property
    def group(self) -> Sql:
        """The value to count by."""
        text = self.text
        return Sql(f"left(nullif({text.text}, ''), {MAX_GROUP_LENGTH})", text.parameters)

    @property
    def number(self) -> Sql | None:
        """The value as number, null where it is none; None for columns that never hold one."""
        return number_of_column(self.name)

    def of(self, event: Event) -> Any:
        """The event's value; None where there is none."""
        if not self.is_key:
            return getattr(event, self.name)
        prefix, _, key = self.name.partition(".")
        found = getattr(event, JSON_COLUMNS[prefix])
        return found.get(key) if isinstance(found, dict) else None


def field_of(name: str) -> Field:
    """The field of a name as URLs and the search box write it. Raises Problem."""
    found = find_field(name)
    if found is None:
        raise Problem(
            f"There is no field {name[:60]!r}. Fields are {columns_in_words(NAMES)}; "
            "put words with = < > ! ~ in them in double quotes."
        )
    return found


def find_field(name: str) -> Field | None:
    """The field of a name, None where there is none such."""
    prefix, dot, key = name.partition(".")
    name = ALIASES.get(name, f"{_PREFIX_ALIASES.get(prefix, prefix)}{dot}{key}")
    is_known = name in NAMES or (name != "id" and is_column(name) and len(key) <= MAX_KEY_LENGTH)
    return Field(name) if is_known else None

"""What an event can be filtered, counted and listed by: its columns, `tags.<key>` and `properties.<key>`, as SQL.

Keys and values travel as parameters; only names from the lists here are put into the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from events.models import Event
from projects.pages.page import Problem

MAX_KEY_LENGTH = 200
MAX_GROUP_LENGTH = 200
"""Of values that events are counted by; longer ones are counted together where they begin alike."""

_TEXTS = (
    "event_name",
    "event_type",
    "event_category",
    "severity",
    "user_id",
    "anonymous_id",
    "tenant_id",
    "session_id",
    "source",
    "user_agent",
    "trace_id",
    "span_id",
)
NUMBERS = ("duration_ms",)
COLUMNS: Mapping[str, str] = {
    **{name: name for name in _TEXTS},
    "source_ip": "host(source_ip)",
    "duration_ms": "duration_ms::text",
}
"""Name -> SQL that gives it as text."""

ALIASES: Mapping[str, str] = {"license_id": "tenant_id"}
JSON_COLUMNS: Mapping[str, str] = {"tags": "tags", "properties": "event_data", "event_data": "event_data"}


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL with a `{}` for each parameter, so that it fits statements of either style of placeholders."""

    template: str
    parameters: tuple[Any, ...] = ()

    @property
    def positional(self) -> str:
        """With %s for each parameter."""
        return self.template.format(*["%s"] * len(self.parameters))

    def named(self, prefix: str) -> tuple[str, dict[str, Any]]:
        """With %(<prefix><number>)s, and what they stand for."""
        names = [f"{prefix}{number}" for number in range(len(self.parameters))]
        text = self.template.format(*[f"%({name})s" for name in names])
        return text, dict(zip(names, self.parameters, strict=True))


@dataclass(frozen=True, slots=True)
class Field:
    """A column, or a key of a JSON column."""

    name: str
    column: str
    key: str = ""

    @property
    def text(self) -> Sql:
        """The value as text; null where there is none."""
        if self.key:
            return Sql(f"jsonb_extract_path_text({self.column}, {{}})", (self.key,))
        return Sql(COLUMNS[self.name])

    @property
    def group(self) -> Sql:
        """The value to count by."""
        text = self.text
        return Sql(f"left(nullif({text.template}, ''), {MAX_GROUP_LENGTH})", text.parameters)

    @property
    def number(self) -> Sql | None:
        """The value as number, null where it is none; None for columns that never hold one."""
        if self.key:
            value = f"jsonb_extract_path({self.column}, {{}})"
            # numeric, because JSON's numbers may be beyond any float.
            as_number = f"CASE jsonb_typeof({value}) WHEN 'number' THEN {value}::numeric END"
            return Sql(as_number, (self.key, self.key))
        return Sql(self.name) if self.name in NUMBERS else None

    def of(self, event: Event) -> Any:
        """The event's value; None where there is none."""
        if not self.key:
            return getattr(event, self.name)
        found = getattr(event, self.column)
        return found.get(self.key) if isinstance(found, dict) else None


def field_of(name: str) -> Field:
    """The field of a name as URLs and the search box write it. Raises Problem."""
    found = find_field(name)
    if found is None:
        raise Problem(
            f"There is no field {name[:60]!r}. Fields are {', '.join(COLUMNS)}, tags.<key> and properties.<key>; "
            "put words with = < > ! ~ in them in double quotes."
        )
    return found


def find_field(name: str) -> Field | None:
    """The field of a name, None where there is none such."""
    name = ALIASES.get(name, name)
    if name in COLUMNS:
        return Field(name, name)
    prefix, _, key = name.partition(".")
    if prefix in JSON_COLUMNS and 0 < len(key) <= MAX_KEY_LENGTH:
        column = JSON_COLUMNS[prefix]
        return Field(f"{'tags' if column == 'tags' else 'properties'}.{key}", column, key)
    return None

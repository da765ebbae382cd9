"""Events to try something with, as a command that sends one. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from analytics.matchers import Matcher
from events.columns import number_of_column
from projects.admin_base import example_command
from storage.fields import Milliseconds


def command_of(matcher: Matcher, name: str, columns: Mapping[str, str] | None = None) -> str:
    """A curl line that sends an event of ana with what the matcher asks for, and `columns` beside it.

    Of alternatives the first; conditions that name no single value are left to the reader, as are durations that no
    event can have. `name` is the event's where the matcher asks for none.
    """
    asked = {**_asked(matcher), **(columns or {})}
    # Somebody without a user id is known by an anonymous one.
    person = "anonymous_id" if asked.get("user_id") == "" else "user_id"
    event: dict[str, Any] = {"event_name": name, person: "ana"}
    for column, text in asked.items():
        value = _value(column, text)
        place, dot, key = column.partition(".")
        if value is None:
            continue
        if dot:
            event.setdefault(place, {})[key] = value
        else:
            event[column] = value
    # It stands in the shell's quotes.
    return example_command("events", json.dumps(event).replace("'", "'\\''"))


def _asked(matcher: Matcher) -> dict[str, str]:
    first = _asked(matcher.any_of[0]) if matcher.any_of else {}
    return {**first, **matcher.equalities}


def _value(column: str, text: str) -> str | float | None:
    """As the API takes it; None where it is to be left out: a missing value is the same as an empty text."""
    if "." in column or number_of_column(column) is None:
        return text or None
    try:
        number = msgspec.convert(text, Milliseconds, strict=False)
    except msgspec.ValidationError:
        return None
    return int(number) if number.is_integer() else number

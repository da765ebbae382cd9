"""Events to try something with, as a command that sends one. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from analytics.matchers import Matcher
from projects.admin_base import example_command


def command_of(matcher: Matcher, name: str, columns: Mapping[str, str] | None = None) -> str:
    """A curl line that sends an event of ana with what the matcher asks for, and `columns` beside it.

    Of alternatives the first; conditions that name no single value are left to the reader. `name` is the event's where
    the matcher asks for none.
    """
    event: dict[str, Any] = {"event_name": name, "user_id": "ana"}
    for column, text in {**_asked(matcher), **(columns or {})}.items():
        place, dot, key = column.partition(".")
        if dot:
            event.setdefault(place, {})[key] = text
        else:
            event[column] = text
    # It stands in the shell's quotes.
    return example_command("events", json.dumps(event).replace("'", "'\\''"))


def _asked(matcher: Matcher) -> dict[str, str]:
    first = _asked(matcher.any_of[0]) if matcher.any_of else {}
    return {**first, **matcher.equalities}

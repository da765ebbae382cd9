"""Bodies that users write: text with `{{ name }}` in it, and nothing else.

No loops, no conditions, no calls: a template ends after one walk over its text, and the size is bounded as it grows.
`alerts.0.labels.host_name` walks into the message; `| json` writes a value as JSON, quotes and all. Without it values
are escaped for where they stand: inside a JSON string, as a form's value, or not at all in plain text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

MAX_BODY_LENGTH = 256 * 1024

_HOLE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_INSIDE = re.compile(r"\s*(?P<path>[A-Za-z_]\w*(?:\.[\w-]+)*)\s*(?:\|\s*(?P<filter>\w+)\s*)?")


class TemplateError(ValueError):
    """The text is no template, or its result too long; says what and in which line."""


@dataclass(frozen=True, slots=True)
class _Hole:
    path: tuple[str, ...]
    is_json: bool


@dataclass(frozen=True, slots=True)
class Template:
    """Texts and holes in turn."""

    parts: tuple[str | _Hole, ...]

    @classmethod
    def parse(cls, text: str, *, known: Set[str]) -> Self:
        """Raises TemplateError. `known` are the names a path may begin with."""
        parts: list[str | _Hole] = []
        position = 0
        for found in _HOLE.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            parts += [text[position : found.start()], _hole(found[1], line, known)]
            position = found.end()
        rest = text[position:]
        if "{{" in rest:
            line = text.count("\n", 0, position + rest.index("{{")) + 1
            raise TemplateError(f"Line {line}: {{{{ has no }}}}.")
        return cls((*parts, rest))

    def render(self, values: Mapping[str, Any], content_type: str) -> str:
        """The body. What isn't there is empty, null as JSON. Raises TemplateError past 256 KB."""
        escape = _ESCAPES.get(content_type, str)
        pieces: list[str] = []
        length = 0
        for part in self.parts:
            piece = part if isinstance(part, str) else _filled(part, values, escape)
            length += len(piece)
            if length > MAX_BODY_LENGTH:
                raise TemplateError(f"The body has more than {MAX_BODY_LENGTH // 1024} KB.")
            pieces.append(piece)
        return "".join(pieces)


def _hole(inside: str, line: int, known: Set[str]) -> _Hole:
    found = _INSIDE.fullmatch(inside)
    if not found:
        raise TemplateError(f"Line {line}: write {{{{ name }}}} or {{{{ name | json }}}}.")
    path = tuple(found["path"].split("."))
    if path[0] not in known:
        raise TemplateError(f"Line {line}: there is no {path[0]!r}; there are: {', '.join(sorted(known))}.")
    if found["filter"] not in {None, "json"}:
        raise TemplateError(f"Line {line}: the only filter is json.")
    return _Hole(path, found["filter"] == "json")


def _filled(hole: _Hole, values: Mapping[str, Any], escape: Callable[[str], str]) -> str:
    value: Any = values
    for step in hole.path:
        value = _inside(value, step)
    if hole.is_json:
        return json.dumps(value)
    if isinstance(value, dict | list):
        return escape(json.dumps(value))
    return escape("" if value is None else str(value))


def _inside(value: Any, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, list) and step.isascii() and step.isdigit():
        return value[int(step[:6])] if int(step[:6]) < len(value) else None
    return None


_ESCAPES: Mapping[str, Callable[[str], str]] = {
    "application/json": lambda text: json.dumps(text)[1:-1],
    "application/x-www-form-urlencoded": lambda text: quote(text, safe=""),
}

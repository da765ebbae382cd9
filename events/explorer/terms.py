"""The language of the search box: words and terms such as `severity=error tags.env!=test properties.amount>100`. Pure.

A value of several words, or with an operator in it, stands in double quotes; so does a key. `field=*` asks for events
that have the field, `field!=*` for those that have not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from projects.pages.page import Problem

Operator = Literal["=", "!=", ">", ">=", "<", "<=", "~", "!~", "exists", "missing"]
_OPERATORS: tuple[Operator, ...] = get_args(Operator)
NUMERIC: frozenset[Operator] = frozenset({">", ">=", "<", "<="})
ANYTHING = "*"

MAX_LENGTH = 2000
MAX_TERMS = 40
"""Each costs a look at every row; nobody reads so many."""

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_TERM = re.compile(
    rf'(?P<field>{_QUOTED}|[^\s"=!<>~]+)(?P<operator>!=|>=|<=|!~|=|>|<|~)(?P<value>{_QUOTED}|\S*)'
    rf"|(?P<word>{_QUOTED}|\S+)",
    re.DOTALL,
)
_NEEDS_QUOTES = re.compile(r'[\s"=!<>~\\]')


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. A word has no field: it is looked for in the name, and in what a log record says."""

    field: str
    operator: Operator
    value: str = ""

    @property
    def text(self) -> str:
        """As it is written in the search box."""
        if not self.field:
            return _quoted(self.value)
        if self.operator in ("exists", "missing"):
            return f"{_quoted(self.field)}{'=' if self.operator == 'exists' else '!='}{ANYTHING}"
        return f"{_quoted(self.field)}{self.operator}{_quoted(self.value)}"


def parse(text: str) -> list[Term]:
    """The terms of a search, each once. Raises Problem."""
    if len(text) > MAX_LENGTH:
        raise Problem(f"A search has at most {MAX_LENGTH} characters.")
    terms = (_term(match) for match in _TERM.finditer(text))
    found = dict.fromkeys(term for term in terms if term.field or term.value)
    if len(found) > MAX_TERMS:
        raise Problem(f"A search has at most {MAX_TERMS} terms.")
    return list(found)


def written(terms: Iterable[Term]) -> str:
    """The search that `parse` reads as these terms."""
    return " ".join(term.text for term in terms)


def _term(match: re.Match[str]) -> Term:
    if word := match["word"]:
        return Term("", "~", _plain(word))
    field, value = _plain(match["field"]), match["value"]
    operator = next(one for one in _OPERATORS if one == match["operator"])
    if value == ANYTHING and operator in ("=", "!="):
        return Term(field, "exists" if operator == "=" else "missing")
    return Term(field, operator, _plain(value))


def _plain(text: str) -> str:
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    return text


def _quoted(text: str) -> str:
    if text and text != ANYTHING and not _NEEDS_QUOTES.search(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

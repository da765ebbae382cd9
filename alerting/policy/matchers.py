"""Which alerts are meant: `name="value"`, `!=`, `=~` and `!~`, as Alertmanager writes them.

All matchers of a list must match. A label that an alert doesn't have is the empty text. Regular expressions are
anchored at both ends and run in linear time (RE2), so that no expression can hold up the delivery.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Self

import re2

Operator = Literal["=", "!=", "=~", "!~"]
Facts = Mapping[str, str]
"""The labels of an alert, and what else a matcher may name: see `facts_of`."""

RESERVED = frozenset({"rule", "alertname", "severity", "project"})
"""Names that mean the alert's own facts: a label of such a name is reached as `labels.severity`."""

LABEL_PREFIX = "labels."

MAX_MATCHERS = 50
MAX_LENGTH = 4000
"""A label's value has 1,000 characters, more where it is written with escapes."""

_PLAIN_NAME = re.compile(r'[^\s="!~{},]+')
_WRITTEN = re.compile(
    r"""\s*(?P<name>"(?:[^"\\]|\\.)*"|[^\s="!~{},]+)\s*(?P<operator>=~|!~|!=|=)\s*(?P<value>"(?:[^"\\]|\\.)*"|[^\s"{},]*)\s*"""
)
_OPERATOR = re.compile(r"\s*(=~|!~|!=|=)?\s*")
_ESCAPE = re.compile(r'\\(["\\n])')
_NAME = re.compile(r'\s*(?:"(?:[^"\\]|\\.)*"|[^\s="!~{},]+)')


class MatcherError(ValueError):
    """A text that is no matcher; `position` counts characters from 0."""

    def __init__(self, problem: str, text: str, position: int) -> None:
        super().__init__(f"{problem}, at character {position + 1} of {text[:80]!r}")
        self.position = position


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label."""

    name: str
    operator: Operator
    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `severity=~"warning|error"`; names and values without spaces need no quotes. Raises MatcherError."""
        if len(text) > MAX_LENGTH:
            raise MatcherError(f"A matcher has at most {MAX_LENGTH} characters", text, MAX_LENGTH)
        found = _WRITTEN.fullmatch(text)
        if not found:
            raise _problem(text)
        operator: Operator = found["operator"]  # type: ignore[assignment]  # the expression has these four only
        matcher = cls(_unquoted(found["name"]), operator, _unquoted(found["value"]))
        if operator in {"=~", "!~"}:
            try:
                _compiled(matcher.value)
            except re2.error as error:
                said = error.args[0].decode(errors="replace") if error.args else "not understood"
                raise MatcherError(f"Not a regular expression ({said})", text, found.start("value")) from None
        return matcher

    def __str__(self) -> str:
        name = self.name if _PLAIN_NAME.fullmatch(self.name) else _quoted(self.name)
        return f"{name}{self.operator}{_quoted(self.value)}"

    def matches(self, facts: Facts) -> bool:
        value = facts.get(self.name, "")
        if self.operator in {"=", "!="}:
            return (value == self.value) is (self.operator == "=")
        return bool(_compiled(self.value).fullmatch(value)) is (self.operator == "=~")


Matchers = Sequence[Matcher]


def parse_all(texts: Iterable[str]) -> tuple[Matcher, ...]:
    """Raises MatcherError, naming the text."""
    parsed = tuple(Matcher.parse(text) for text in texts)
    if len(parsed) > MAX_MATCHERS:
        raise MatcherError(f"There are at most {MAX_MATCHERS} matchers", str(parsed[-1]), 0)
    return parsed


@lru_cache(4096)
def parsed(texts: tuple[str, ...]) -> tuple[Matcher, ...] | None:
    """Matchers as stored; None where they can't be read (any more), which then match nothing."""
    try:
        return parse_all(texts)
    except MatcherError:
        return None


def all_match(matchers: Matchers, facts: Facts) -> bool:
    return all(matcher.matches(facts) for matcher in matchers)


def stored_match(texts: Sequence[str], facts: Facts) -> bool:
    """Whether matchers as a row keeps them match; what can't be read matches nothing."""
    matchers = parsed(tuple(texts))
    return matchers is not None and all_match(matchers, facts)


def match_everything(matchers: Matchers) -> bool:
    """Whether an alert without any label would match: such a list is an accident in a silence."""
    return all_match(matchers, {})


def name_of(label: str) -> str:
    """How matchers name a label: as it is called, but for names that mean something else already."""
    bare = label
    while bare.startswith(LABEL_PREFIX):
        bare = bare.removeprefix(LABEL_PREFIX)
    return LABEL_PREFIX + label if bare in RESERVED else label


def facts_of(labels: Mapping[str, Any], *, rule: str, severity: str, project: str) -> Facts:
    """What matchers see of an alert. `project` is the slug; labels of `RESERVED` names get a prefix."""
    return {
        **{name_of(name): str(value) for name, value in labels.items()},
        "rule": rule,
        "alertname": rule,
        "severity": severity,
        "project": project,
    }


@lru_cache(4096)
def _compiled(expression: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    return re2.compile(expression, options)


def _unquoted(value: str) -> str:
    """Only quotes, backslashes and line ends are escaped: a regular expression keeps its own escapes."""
    if not value.startswith('"'):
        return value
    return _ESCAPE.sub(lambda found: "\n" if found[1] == "n" else found[1], value[1:-1])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _problem(text: str) -> MatcherError:
    if not text.strip():
        return MatcherError("A matcher is empty", text, 0)
    name = _NAME.match(text)
    if not name and text.lstrip().startswith('"'):
        return MatcherError("The quote is never closed", text, text.index('"'))
    if not name:
        return MatcherError("A label's name is missing", text, 0)
    operator = _OPERATOR.match(text, name.end())
    if not operator or not operator[1]:
        position = len(text) - len(text[name.end() :].lstrip())
        return MatcherError("One of = != =~ !~ must follow the name", text, position)
    if text[operator.end() :].count('"') == 1:
        return MatcherError("The quote is never closed", text, text.index('"', operator.end()))
    problem = 'A value with spaces, commas or quotes stands in quotes, like name="a value"'
    return MatcherError(problem, text, operator.end())

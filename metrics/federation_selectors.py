"""Prometheus' series selectors, `name{label="value", other=~"pattern"}`, as SQL conditions on `metric_series`.

Names are those that series were stored under; one that isn't a plain word is written in quotes:
`{"http.server.duration", "service.name"="api"}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

MAX_SELECTORS = 20
MAX_SELECTOR_LENGTH = 2000
MAX_MATCHERS = 32
MAX_REPETITIONS = 10
"""Of one pattern: each `.*` more can multiply the steps that PostgreSQL takes over each name."""

Operator = Literal["=", "!=", "=~", "!~"]

_NAME = "__name__"
_TOKEN = re.compile(
    r"""\s*(?:(?P<word>[a-zA-Z_:][a-zA-Z0-9_:]*)
        |(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)
        |(?P<sign>=~|!~|!=|[={},])
        |(?P<end>\Z))""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}
_REPETITION = re.compile(r"[*+?{]")
_BACK_REFERENCE = re.compile(r"\\[1-9]")
_SQL_OPERATORS: dict[str, str] = {"=": "=", "!=": "<>", "=~": "~", "!~": "!~"}


class SelectorError(ValueError):
    """Not a selector; the text says why."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """What one label must be; a label that a series hasn't is empty."""

    label: str
    operator: Operator
    value: str

    @property
    def matches_empty(self) -> bool:
        """Whether a series without the label passes, as far as that can be said without a look at patterns."""
        return (self.operator == "=" and not self.value) or (self.operator == "!=" and bool(self.value))


def parse(selector: str) -> list[Matcher]:
    """Raises SelectorError; at least one matcher must not be of the kind that passes whatever has no such label."""
    if len(selector) > MAX_SELECTOR_LENGTH:
        raise SelectorError(f"a selector has at most {MAX_SELECTOR_LENGTH} characters")
    if "\0" in selector:
        raise SelectorError("a selector has a NUL")
    matchers = list(_matchers(list(_tokens(selector))))
    if len(matchers) > MAX_MATCHERS:
        raise SelectorError(f"a selector has at most {MAX_MATCHERS} matchers")
    if all(matcher.matches_empty for matcher in matchers):
        raise SelectorError("a selector needs a name or a matcher that isn't empty")
    return matchers


Token = tuple[str, str]
"""(kind, text): a word, a text without its quotes, a sign, or the end."""


def _tokens(selector: str) -> Iterator[Token]:
    position = 0
    while True:
        found = _TOKEN.match(selector, position)
        if found is None:
            raise SelectorError(f"unexpected {selector[position : position + 20].strip()!r}")
        kind = found.lastgroup or ""
        text = found[kind]
        yield kind, _unquoted(text) if kind == "text" else text
        if kind == "end":
            return
        position = found.end()


def _unquoted(text: str) -> str:
    inner = text[1:-1]
    return inner if text[0] == "`" else _ESCAPE.sub(_unescaped, inner)


def _unescaped(found: re.Match[str]) -> str:
    if found[1] not in _ESCAPED:
        raise SelectorError(f"the escape {found[0]!r} is not known; write a backslash as two")
    return _ESCAPED[found[1]]


def _matchers(tokens: list[Token]) -> Iterator[Matcher]:
    position = 0
    if tokens[0][0] == "word":
        yield Matcher(_NAME, "=", tokens[0][1])
        position = 1
        if tokens[1] == ("end", ""):
            return
    position = _expect(tokens, position, "{")
    while tokens[position] != ("sign", "}"):
        label, position = _label(tokens, position)
        if tokens[position][1] in (",", "}") and tokens[position - 1][0] == "text":
            # A name in quotes stands alone.
            yield Matcher(_NAME, "=", label)
        else:
            operator, position = _operator(tokens, position)
            kind, value = tokens[position]
            if kind != "text":
                raise SelectorError(f"the value of {label!r} must be in quotes")
            position += 1
            yield _checked(Matcher(label, operator, value))
        if tokens[position] != ("sign", "}"):
            position = _expect(tokens, position, ",")
    if tokens[position + 1][0] != "end":
        raise SelectorError(f"unexpected {tokens[position + 1][1][:20]!r} after the braces")


def _expect(tokens: list[Token], position: int, sign: str) -> int:
    if tokens[position] != ("sign", sign):
        raise SelectorError(f"{sign!r} is missing before {tokens[position][1][:20]!r}")
    return position + 1


def _label(tokens: list[Token], position: int) -> tuple[str, int]:
    kind, label = tokens[position]
    if kind not in ("word", "text") or not label:
        raise SelectorError(f"a label is missing before {label[:20]!r}")
    return label, position + 1


def _operator(tokens: list[Token], position: int) -> tuple[Operator, int]:
    text = tokens[position][1]
    for operator in ("=", "!=", "=~", "!~"):
        if tokens[position] == ("sign", operator):
            return operator, position + 1
    raise SelectorError(f"one of = != =~ !~ is missing before {text[:20]!r}")


def _checked(matcher: Matcher) -> Matcher:
    """Patterns that only Python or PostgreSQL would know are refused: they can take for ever."""
    if matcher.operator in ("=~", "!~"):
        if _BACK_REFERENCE.search(matcher.value):
            raise SelectorError("a pattern has no back references")
        if len(_REPETITION.findall(matcher.value)) > MAX_REPETITIONS:
            raise SelectorError(f"a pattern has at most {MAX_REPETITIONS} of * + ? {{")
    return matcher


def condition(selectors: Sequence[Sequence[Matcher]]) -> tuple[str, list[Any]]:
    """SQL that is true for series which pass all matchers of one of the selectors, and its parameters."""
    parameters: list[Any] = []
    alternatives = []
    for matchers in selectors:
        conditions = []
        for matcher in matchers:
            column = "series.name"
            if matcher.label != _NAME:
                column = "coalesce(series.labels ->> %s, '')"
                parameters.append(matcher.label)
            conditions.append(f"{column} {_SQL_OPERATORS[matcher.operator]} %s")
            is_pattern = matcher.operator in ("=~", "!~")
            # Prometheus' patterns are about the whole value. The prefix keeps PostgreSQL's own options out.
            parameters.append(f"^(?:{matcher.value})$" if is_pattern else matcher.value)
        alternatives.append(" AND ".join(conditions))
    return f"({' OR '.join(f'({one})' for one in alternatives)})" if alternatives else "true", parameters

"""How rule tests write time and series: promtool's notation (https://prometheus.io/docs, "Unit testing for rules").

up{job="api", instance='a:9090'}      a series
1 2x3 1+1x5 10-2x4 _ _x3 stale        its values, one interval apart
1h30m, 90s, 500ms, 1d, 1w, 0          a duration
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from alerting.replay.points import Points

MAX_VALUES = 1_000_000
"""Values of one series: two years of minutes, and a bound on what one wrong digit can cost."""

_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI][nN][fF]|[nN][aA][nN]"
_ITEM = re.compile(
    rf"(?P<first>[+-]?(?:{_NUMBER}))(?P<step>[+-](?:{_NUMBER}))?(?:x(?P<repeats>\d+))?", re.ASCII
)
_GAP = re.compile(r"_(?:x(?P<repeats>\d+))?", re.ASCII)
_DURATION_UNITS = {
    "y": 31_536_000.0,
    "w": 604_800.0,
    "d": 86_400.0,
    "h": 3_600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 0.001,
}
_DURATION = re.compile("".join(rf"(?:(?P<{unit}>\d+){unit})?" for unit in _DURATION_UNITS), re.ASCII)
_NAME = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*")
_LABEL = re.compile(
    r"""\s*([a-zA-Z_]\w*|"(?:[^"\\]|\\.)*")\s*=\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*""", re.ASCII
)
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class NotationError(ValueError):
    """A text that can't be read; `column` is where, from 1."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(f"{message} (column {column})")
        self.column = column


@dataclass(frozen=True, slots=True)
class Selector:
    """A series by its name and labels, empty ones left out."""

    name: str
    labels: Mapping[str, str]


def parse_duration(text: str) -> float:
    """Seconds, of whole numbers with units from the largest to the smallest. Raises NotationError."""
    if text == "0":
        return 0.0
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise NotationError(f"{text!r} is not a duration: write it like 90s, 5m or 1h30m", 1)
    found = match.groupdict()
    return sum(int(count) * _DURATION_UNITS[unit] for unit, count in found.items() if count)


def parse_values(text: str, interval_seconds: float) -> Points:
    """The points of a series from time 0 on, one interval apart. Raises NotationError."""
    points = Points()
    position = 0
    for found in re.finditer(r"\S+", text):
        item, column = found.group(), found.start() + 1
        if item.startswith("{{"):
            raise NotationError("native histograms are not supported", column)
        numbers = _numbers_of(item, column)
        if position + len(numbers) > MAX_VALUES:
            raise NotationError(f"a series has at most {MAX_VALUES} values", column)
        for offset, number in enumerate(numbers):
            if number is not None:
                # Rounded as times are kept, so that a point on the edge of a window lies on it.
                at_microseconds = round((position + offset) * interval_seconds * 1e6)
                points.append(at_microseconds / 1e6, number, is_stale=item == "stale")
        position += len(numbers)
    return points


def _numbers_of(item: str, column: int) -> list[float | None]:
    """One number for each interval; None where there is no sample, NaN for a stale marker."""
    if item == "stale":
        return [math.nan]
    if gap := _GAP.fullmatch(item):
        return [None] * (1 if gap["repeats"] is None else _repeats(gap["repeats"], column))
    match = _ITEM.fullmatch(item)
    if match is None or (match["step"] and match["repeats"] is None):
        raise NotationError(f"{item!r} is not a value: write 1, 1x5, 1+2x5, 1-2x5, _, _x5 or stale", column)
    number, step = float(match["first"]), float(match["step"] or 0)
    numbers: list[float | None] = [number]
    for _ in range(_repeats(match["repeats"] or "0", column)):
        number += step
        numbers.append(number)
    return numbers


def _repeats(text: str, column: int) -> int:
    if len(text) > len(str(MAX_VALUES)) or int(text) > MAX_VALUES:
        raise NotationError(f"a series has at most {MAX_VALUES} values", column)
    return int(text)


def parse_series(text: str) -> Selector:
    """A series written as its name with labels in braces, or with the name as the label `__name__`.

    Raises NotationError.
    """
    match = _NAME.match(text)
    name, position = (match[1], match.end()) if match else ("", len(text) - len(text.lstrip()))
    labels: dict[str, str] = {}
    if position < len(text) and text[position] == "{":
        labels, position = _labels(text, position + 1)
    if text[position:].strip():
        raise NotationError(f"unexpected {text[position:].strip()[:20]!r}", position + 1)
    named = labels.pop("__name__", "")
    if not (name or named) or (name and named):
        raise NotationError("a series has one name", 1)
    return Selector(name or named, {label: value for label, value in labels.items() if value})


def _labels(text: str, position: int) -> tuple[dict[str, str], int]:
    labels: dict[str, str] = {}
    while not text[position:].lstrip().startswith("}"):
        match = _LABEL.match(text, position)
        if match is None:
            raise NotationError('expected name="value" or a closing brace', position + 1)
        name = _unquoted(match[1])
        if name in labels:
            raise NotationError(f"the label {name} is given twice", position + 1)
        labels[name] = _unquoted(match[2])
        position = match.end()
        if text[position : position + 1] == ",":
            position += 1
        elif text[position : position + 1] != "}":
            raise NotationError("expected a comma or a closing brace", position + 1)
    return labels, text.index("}", position) + 1


def _unquoted(text: str) -> str:
    if text[0] not in "\"'":
        return text
    return _ESCAPE.sub(_unescaped, text[1:-1])


def _unescaped(match: re.Match[str]) -> str:
    byte, short, long, octal, letter = match.groups()
    if letter is not None:
        return _ESCAPES.get(letter, letter)
    digits = byte or short or long
    try:
        return chr(int(digits, 16) if digits else int(octal, 8))
    except (ValueError, OverflowError):
        raise NotationError(f"{match[0]} is not a character", 1) from None

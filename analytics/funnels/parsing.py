"""Funnels read from JSON; every error names the key that is wrong. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar, get_args

from analytics.funnels.question import (
    Breakdown,
    Exclusion,
    Funnel,
    Order,
    People,
    Period,
    Step,
    Touch,
)
from analytics.matchers import MatcherError, parse
from analytics.units import PERSON
from events.columns import columns_in_words, is_column
from storage.times import parse_time

T = TypeVar("T", bound=str)

MAX_STEPS = 20
MAX_STEPS_IN_ANY_ORDER = 8
"""Events that match several of them are told apart by all subsets of the steps."""

MAX_EXCLUSIONS = 10
MAX_NAME = 200
MAX_MINUTES = 10 * 366 * 24 * 60
MINUTE_US = 60_000_000
DEFAULT_PEOPLE, MAX_PEOPLE = 100, 1000

_KEYS: Final = (
    "steps",
    "order",
    "window_minutes",
    "unit",
    "exclusions",
    "breakdown",
    "trend",
    "compare",
    "start",
    "end",
)
_PEOPLE_KEYS: Final = ("step", "lost", "limit")
_UNITS: Final = {"user": PERSON, "person": PERSON, "session": "session_id", "tenant": "tenant_id"}


def parse_funnel(value: object) -> Funnel:
    """A funnel from the body of a request. Raises MatcherError."""
    return _funnel(_object(value, "", _KEYS))


def parse_people(value: object) -> People:
    """A funnel with `step`, `lost` and `limit` beside its own keys. Raises MatcherError."""
    body = _object(value, "", (*_KEYS, *_PEOPLE_KEYS))
    funnel = _funnel(body)
    are_lost = _flag(body.get("lost"), "lost")
    return People(
        funnel=funnel,
        step=_whole(body.get("step", 2 if are_lost else 1), "step", 2 if are_lost else 1, len(funnel.steps)),
        are_lost=are_lost,
        limit=_whole(body.get("limit", DEFAULT_PEOPLE), "limit", 1, MAX_PEOPLE),
    )


def _funnel(body: Mapping[str, Any]) -> Funnel:
    order = _one_of(body.get("order", "ordered"), "order", get_args(Order))
    steps = _steps(body.get("steps"), order)
    start, end = _time(body.get("start"), "start"), _time(body.get("end"), "end")
    if start and end and start >= end:
        raise MatcherError("start", "Must be before end.")
    return Funnel(
        steps=steps,
        order=order,
        window_us=_microseconds(body.get("window_minutes"), "window_minutes"),
        unit=_unit(body.get("unit")),
        exclusions=_exclusions(body.get("exclusions"), len(steps), order),
        breakdown=_breakdown(body.get("breakdown"), len(steps)),
        trend=_one_of(body["trend"], "trend", get_args(Period)) if body.get("trend") is not None else None,
        compare=_compare(body.get("compare"), start, end),
        start=start,
        end=end,
    )


def _steps(value: object, order: Order) -> tuple[Step, ...]:
    most = MAX_STEPS_IN_ANY_ORDER if order == "any" else MAX_STEPS
    found = _list(value, "steps", 1, most)
    return tuple(_step(one, f"steps[{number}]", order) for number, one in enumerate(found))


def _step(value: object, key: str, order: Order) -> Step:
    matcher = parse(value, key, also=("name", "within_minutes"))
    body = _object(value, key)
    name = body.get("name")
    if name is not None and (not isinstance(name, str) or len(name) > MAX_NAME or "\0" in name):
        raise MatcherError(f"{key}.name", f"Must be a text of at most {MAX_NAME} characters, and no NUL.")
    within_us = _microseconds(body.get("within_minutes"), f"{key}.within_minutes")
    if within_us is not None and (order == "any" or key == "steps[0]"):
        raise MatcherError(
            f"{key}.within_minutes", "There is no step before it that it could follow in time."
        )
    return Step(name or matcher.label[:MAX_NAME], matcher, within_us)


def _exclusions(value: object, steps: int, order: Order) -> tuple[Exclusion, ...]:
    found = _list(value, "exclusions", 0, MAX_EXCLUSIONS) if value is not None else ()
    return tuple(_exclusion(one, f"exclusions[{number}]", steps, order) for number, one in enumerate(found))


def _exclusion(value: object, key: str, steps: int, order: Order) -> Exclusion:
    matcher = parse(value, key, also=("from_step", "to_step"))
    body = _object(value, key)
    if order == "any" and ("from_step" in body or "to_step" in body):
        raise MatcherError(
            key, "In any order an exclusion counts from the first event to the last: name no steps."
        )
    first = _whole(body.get("from_step", 1), f"{key}.from_step", 1, steps)
    last = _whole(body.get("to_step", steps), f"{key}.to_step", 1, steps)
    if steps > 1 and first >= last:
        raise MatcherError(f"{key}.to_step", "Must be after from_step.")
    return Exclusion(matcher, first, last)


def _breakdown(value: object, steps: int) -> Breakdown | None:
    """A column, or `{"by": column, "touch": "first" | "last" | "step", "step": n}`."""
    if value is None:
        return None
    if isinstance(value, str):
        return Breakdown(_column(value, "breakdown"))
    body = _object(value, "breakdown", ("by", "touch", "step"))
    touch = _one_of(body.get("touch", "first"), "breakdown.touch", get_args(Touch))
    if "step" in body and touch != "step":
        raise MatcherError("breakdown.step", 'Goes with "touch": "step" only.')
    step = _whole(body.get("step", 1), "breakdown.step", 1, steps)
    return Breakdown(_column(body.get("by"), "breakdown.by"), touch, step)


def _compare(value: object, start: datetime | None, end: datetime | None) -> bool:
    wanted = _flag(value, "compare")
    if wanted and not (start and end):
        raise MatcherError("compare", "Needs start and end, whose range is compared with the one before.")
    return wanted


def _flag(value: object, key: str) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    raise MatcherError(key, "Must be true or false.")


def _unit(value: object) -> str:
    if value is None:
        return PERSON
    return _UNITS[value] if isinstance(value, str) and value in _UNITS else _column(value, "unit")


def _column(value: object, key: str) -> str:
    if not isinstance(value, str) or not is_column(value) or len(value) > MAX_NAME or "\0" in value:
        raise MatcherError(key, f"Is not one of {columns_in_words()}.")
    return value


def _microseconds(minutes: object, key: str) -> int | None:
    if minutes is None:
        return None
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not 0 < minutes <= MAX_MINUTES:
        raise MatcherError(key, f"Must be null or a number above 0 and at most {MAX_MINUTES}.")
    return round(minutes * MINUTE_US)


def _time(value: object, key: str) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise MatcherError(key, "Must be an RFC 3339 time or a Unix number.")
    try:
        return parse_time(str(value))
    except ValueError as error:
        raise MatcherError(key, f"{error}.") from None


def _object(value: object, key: str, known: Sequence[str] = ()) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise MatcherError(key, "Must be an object.")
    for name in value:
        if known and name not in known:
            raise MatcherError(f"{key}.{str(name)[:100]}".lstrip("."), "Unknown key.")
    return value


def _list(value: object, key: str, fewest: int, most: int) -> Sequence[Any]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not fewest <= len(value) <= most:
        raise MatcherError(key, f"Must be a list of {fewest} to {most}.")
    return value


def _one_of(value: object, key: str, known: tuple[T, ...]) -> T:
    for one in known:
        if one == value:
            return one
    raise MatcherError(key, f"Must be one of {', '.join(known)}.")


def _whole(value: object, key: str, lowest: int, highest: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise MatcherError(key, f"Must be a whole number from {lowest} to {highest}.")
    return value

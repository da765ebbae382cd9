"""When a maintenance window begins, again and again: RFC 5545's RRULE on the wall clock of a time zone.

Bounded against hostile rules: daily at the most often (BYHOUR gives several a day), no lists of more than 60 values,
no look further ahead than `HORIZON`. One that never comes true is refused: looking for its next start would go on to
the year 9999.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, takewhile
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from dateutil.rrule import DAILY, WEEKLY, YEARLY, rrulestr

HORIZON = timedelta(days=5 * 366)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
MAX_VALUES = 60
MAX_INTERVAL = 1000

_FREQUENCIES = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
_NUMBERS = frozenset({"BYMONTHDAY", "BYMONTH", "BYSETPOS", "BYHOUR", "BYYEARDAY", "BYWEEKNO"})
_WEEKDAY = "(?:MO|TU|WE|TH|FR|SA|SU)"
_NUMBERED = {
    "MONTHLY": re.compile(rf"([+-]?[1-5])?{_WEEKDAY}"),
    "YEARLY": re.compile(rf"([+-]?([1-9]|[1-4]\d|5[0-3]))?{_WEEKDAY}"),
}
_UNREADABLE = (ValueError, TypeError, OverflowError, KeyError, IndexError, AttributeError)
"""What dateutil and datetime raise for rules and moments that make no sense."""
_UNTIL = re.compile(r"\d{8}(T\d{6}Z?)?")
_KNOWN = _NUMBERS | {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST"}


class RecurrenceError(ValueError):
    """A recurrence that can't be used, in words for who entered it; `field` names the part of a window at fault."""

    def __init__(self, problem: str, field: str = "recurrence") -> None:
        super().__init__(problem)
        self.field = field


@dataclass(frozen=True, slots=True)
class Recurrence:
    """The first moment, a time zone whose wall clock counts, and an RRULE; an empty one happens once."""

    first: datetime
    time_zone: str
    rule: str


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One span of a window, end excluded."""

    start: datetime
    end: datetime


def check(recurrence: Recurrence) -> None:
    """Raises RecurrenceError."""
    if recurrence.time_zone not in available_timezones():
        raise RecurrenceError(
            f"There is no time zone {recurrence.time_zone!r}; one is Europe/Berlin.", "time_zone"
        )
    if recurrence.first < EARLIEST:
        raise RecurrenceError("The first moment must lie after the year 2000.", "starts_at")
    if recurrence.rule:
        _check_rule(recurrence.rule)
        try:
            comes_true = _comes_true(_rule(recurrence, ZoneInfo(recurrence.time_zone)))
        except _UNREADABLE as error:
            raise RecurrenceError(f"The recurrence can't be read: {error}.") from None
        if not comes_true:
            raise RecurrenceError("The recurrence never comes true.")


def starts_between(recurrence: Recurrence, start: datetime, end: datetime) -> list[datetime]:
    """Every start in `[start, end)`; at most `HORIZON` is looked at. Empty where the recurrence can't be used."""
    try:
        # Whole hours, so that one look serves all until the next.
        found = _cached_starts(
            recurrence, _hour(start), _hour(min(end, start + HORIZON)) + timedelta(hours=1)
        )
    except _UNREADABLE:
        return []
    return [one for one in found if start <= one < end]


def occurrence_at(recurrence: Recurrence, duration: timedelta, now: datetime) -> Occurrence | None:
    """The span that holds `now`; of several the one that ends last."""
    starts = starts_between(recurrence, now - duration, now + timedelta(microseconds=1))
    running = [one for one in starts if now < one + duration]
    return Occurrence(running[-1], running[-1] + duration) if running else None


def next_occurrences(
    recurrence: Recurrence, duration: timedelta, now: datetime, count: int
) -> list[Occurrence]:
    """What comes, the running one included."""
    try:
        until = max(now, recurrence.first) + HORIZON
        following = (one for one in _starts(recurrence, now - duration, until) if one + duration > now)
        return [Occurrence(one, one + duration) for one in islice(following, count)]
    except _UNREADABLE:
        return []


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


@lru_cache(1024)
def _cached_starts(recurrence: Recurrence, start: datetime, end: datetime) -> tuple[datetime, ...]:
    return tuple(
        one for one in takewhile(lambda one: one < end, _starts(recurrence, start, end)) if one >= start
    )


def _starts(recurrence: Recurrence, start: datetime, end: datetime) -> Iterator[datetime]:
    """In order, from `start` or some time before up to `end`.

    On the wall clock, so that 02:00 stays 02:00 when the clocks change. A time of day that the clocks skip happens as
    much later as they skip; one that comes twice happens at the first.
    """
    if not recurrence.rule:
        yield recurrence.first.astimezone(UTC)
        return
    zone = ZoneInfo(recurrence.time_zone)
    for local in _locals(recurrence, zone, start, end):
        yield local.replace(tzinfo=zone).astimezone(UTC)


def _locals(recurrence: Recurrence, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """Naive local starts in order, a day past `end` at the latest."""
    found = _near(_rule(recurrence, zone), start.astimezone(zone).replace(tzinfo=None))
    latest = end.astimezone(zone).replace(tzinfo=None) + timedelta(days=1)
    until = min(found._until, latest) if found._until else latest
    return islice(found.replace(count=None, until=until), found._count)


def _rule(recurrence: Recurrence, zone: ZoneInfo) -> Any:
    """dateutil's rule; what it was made of are attributes that its types don't name."""
    first = recurrence.first.astimezone(zone).replace(tzinfo=None)
    return rrulestr(_with_local_until(recurrence.rule, zone), dtstart=first)


def _near(found: Any, start: datetime) -> Any:
    """The same rule begun shortly before `start`: walking to it from the year 2000 takes up to a second.

    Only rules by days and weeks, which may come 60 times a day; one with a COUNT has to be walked through.
    """
    days = {DAILY: 1, WEEKLY: 7}.get(found._freq, 0) * found._interval
    if not days or found._count is not None:
        return found
    steps = (start - timedelta(days=2) - found._dtstart).days // days
    return found.replace(dtstart=found._dtstart + timedelta(days=days * steps)) if steps > 0 else found


def _comes_true(found: Any) -> bool:
    """A rule by days walks 3 million of them where none fits; the same by years is 20 times as fast to say so."""
    found = found.replace(count=None)
    if found._freq in {DAILY, WEEKLY}:
        by_years = found.replace(freq=YEARLY, interval=1, until=None)
        if next(iter(by_years), None) is None:
            return False
    return next(iter(found), None) is not None


def _with_local_until(rule: str, zone: ZoneInfo) -> str:
    """UNTIL in UTC as local time, because dateutil compares it with naive starts."""

    def local(found: re.Match[str]) -> str:
        moment = datetime.strptime(found[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).astimezone(zone)
        return f"UNTIL={moment:%Y%m%dT%H%M%S}"

    return re.sub(r"UNTIL=(\d{8}T\d{6}Z)", local, rule.upper())


def _check_rule(rule: str) -> None:
    parts: dict[str, str] = {}
    for part in rule.upper().removeprefix("RRULE:").split(";"):
        name, sign, value = part.partition("=")
        if not sign or not value:
            raise RecurrenceError(f"{part!r} must be written NAME=VALUE, as in FREQ=WEEKLY;BYDAY=SU.")
        if name not in _KNOWN:
            raise RecurrenceError(f"{name} can't be used; there are: {', '.join(sorted(_KNOWN))}.")
        if name in parts:
            raise RecurrenceError(f"{name} comes twice.")
        parts[name] = value
    if re.search(r"\s", rule):
        raise RecurrenceError("The recurrence must be one line without blanks.")
    if parts.get("FREQ") not in _FREQUENCIES:
        raise RecurrenceError(f"FREQ must be one of {', '.join(sorted(_FREQUENCIES))}.")
    if "COUNT" in parts and "UNTIL" in parts:
        raise RecurrenceError("COUNT and UNTIL exclude each other.")
    for name, value in parts.items():
        _check_part(name, value)
    is_by_days = parts["FREQ"] in {"DAILY", "WEEKLY"}
    if is_by_days and "BYSETPOS" in parts:
        raise RecurrenceError("BYSETPOS goes with MONTHLY and YEARLY.")
    by_day = parts.get("BYDAY", "MO").split(",")
    if is_by_days and re.search(r"\d", parts.get("BYDAY", "")):
        raise RecurrenceError("Numbered days like 1SU go with MONTHLY and YEARLY.")
    pattern = _NUMBERED["MONTHLY" if "BYMONTH" in parts else parts["FREQ"]] if not is_by_days else _WEEKDAY
    if not all(re.fullmatch(pattern, one) for one in by_day):
        raise RecurrenceError("BYDAY must be days like MO,TU or 1SU (the first Sunday).")


def _check_part(name: str, value: str) -> None:
    values = value.split(",")
    if len(values) > MAX_VALUES:
        raise RecurrenceError(f"{name} has more than {MAX_VALUES} values.")
    if name in _NUMBERS and not all(re.fullmatch(r"[+-]?\d{1,3}", one) for one in values):
        raise RecurrenceError(f"{name} must be numbers, with commas between them.")
    if name == "WKST" and not re.fullmatch(_WEEKDAY, value):
        raise RecurrenceError("WKST must be a day like MO.")
    if name in {"INTERVAL", "COUNT"} and not (
        value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= MAX_INTERVAL
    ):
        raise RecurrenceError(f"{name} must be a number from 1 to {MAX_INTERVAL}.")
    if name == "UNTIL" and not _UNTIL.fullmatch(value):
        raise RecurrenceError("UNTIL must be a date like 20271231, or 20271231T220000Z.")

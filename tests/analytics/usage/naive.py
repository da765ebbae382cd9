"""Usage over plain lists, as one would count it by hand: what every query has to agree with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from events.identities import Link
from tests.analytics.naive import Event, by_unit

DAY = timedelta(days=1)
Times = dict[str, list[datetime]]
"""When each person did something."""


def times_of(
    events: Sequence[Event], links: Mapping[str, Link], matches: Callable[[Event], bool] = lambda _: True
) -> Times:
    found = {
        person: [event["timestamp"] for event in own if matches(event)]
        for person, own in by_unit(events, "user_id", links).items()
    }
    return {person: times for person, times in found.items() if times}


def starts_of(period: str, start: datetime, end: datetime) -> list[datetime]:
    """Beginnings of the periods that [start, end) touches, and the end of the last one."""
    day = start.replace(hour=0, minute=0, second=0, microsecond=0)
    while not begins(period, day):
        day -= DAY
    found = [day]
    while found[-1] < end:
        day += DAY
        if begins(period, day):
            found.append(day)
    return found


def begins(period: str, day: datetime) -> bool:
    return {"day": True, "week": day.isoweekday() == 1, "month": day.day == 1}[period]


def in_stretch(times: Times, start: datetime, end: datetime) -> set[str]:
    return {person for person, own in times.items() if any(start <= time < end for time in own)}


def active(times: Times, start: datetime, end: datetime) -> list[dict[str, Any]]:
    found = []
    for day, following in _stretches("day", start, end):
        daily, weekly, monthly = (
            len(in_stretch(times, following - days * DAY, following)) for days in (1, 7, 30)
        )
        ratio = daily / monthly if monthly else None
        found.append(
            {"day": day, "daily": daily, "weekly": weekly, "monthly": monthly, "stickiness_ratio": ratio}
        )
    return found


def retention(began: Times, returned: Times, period: str, start: datetime, end: datetime) -> list[list[int]]:
    """For each cohort how many people it has, and how many of them came back n periods later."""
    stretches = _stretches(period, start, end)
    table = []
    for number, (first, last) in enumerate(stretches):
        cohort = {person for person, own in began.items() if first <= min(own) < last}
        later = [len(cohort & in_stretch(returned, *stretch)) for stretch in stretches[number:]]
        table.append([len(cohort), *later])
    return table


def cell(
    began: Times, returned: Times, period: str, cohort: datetime, back: tuple[datetime, datetime]
) -> set[str]:
    """Who began in the period from `cohort` on and came back in the stretch `back`."""
    stretch = _stretches(period, cohort, cohort + DAY)[0]
    people = {person for person, own in began.items() if stretch[0] <= min(own) < stretch[1]}
    return people & in_stretch(returned, *back)


def lifecycle(times: Times, period: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
    found = []
    for first, last in _stretches(period, start, end):
        before = starts_of(period, first - DAY, first)[0]
        here, there = in_stretch(times, first, last), in_stretch(times, before, first)
        known = {person for person, own in times.items() if min(own) < first}
        found.append(
            {
                "start": first,
                "new": len(here - known),
                "returning": len(here & there),
                "resurrecting": len((here & known) - there),
                "dormant": len(there - here),
            }
        )
    return found


def adoption(used: Times, anything: Times, period: str, start: datetime, end: datetime) -> dict[str, Any]:
    stretches = _stretches(period, start, end)
    first, last = stretches[0][0], stretches[-1][1]
    people, active_people = in_stretch(used, first, last), in_stretch(anything, first, last)
    new = {person for person, own in anything.items() if first <= min(own) < last}
    days = [
        (min(time for time in used[person] if time >= first).date() - min(anything[person]).date()).days
        for person in new & people
    ]
    return {
        "people": len(people),
        "active": len(active_people),
        "by_period": [
            (len(in_stretch(used, *stretch)), len(in_stretch(anything, *stretch))) for stretch in stretches
        ],
        "new_people": len(new),
        "adopted": len(days),
        "median_days": median(days) if days else None,
    }


def drop_off(
    used: Times, anything: Times, period: str, asked: tuple[datetime, datetime], now: datetime
) -> tuple[int, int, int] | None:
    """(people before, dropped, still active)."""
    over = [stretch for stretch in _stretches(period, *asked) if stretch[1] <= now]
    if len(over) < 2:
        return None
    first, (last_start, last_end) = over[0][0], over[-1]
    before = in_stretch(used, first, last_start)
    dropped = before - in_stretch(used, last_start, last_end)
    return len(before), len(dropped), len(dropped & in_stretch(anything, last_start, last_end))


def _stretches(period: str, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    starts = starts_of(period, start, end)
    return list(pairwise(starts))

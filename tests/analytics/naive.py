"""Analytics over plain lists, as one would do it by hand: what every query has to agree with.

Slow on purpose: all chains are tried, in the order in which the definition prefers them.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from analytics.funnels.question import Funnel
from analytics.matchers import matches
from analytics.matchers.matching import text_at
from events.identities import Link, person_of

Event = Mapping[str, Any]
"""As the API gives it; `timestamp` is a datetime, `id` a UUID's text."""

Chain = tuple[Event, ...]


def by_unit(
    events: Iterable[Event], unit: str, links: Mapping[str, Link] | None = None
) -> dict[str, list[Event]]:
    """Each unit's events by time and id; events of no unit are left out."""
    found: dict[str, list[Event]] = defaultdict(list)
    for event in sorted(events, key=lambda event: (event["timestamp"], event["id"])):
        if unit == "user_id":
            identifier = event.get("user_id") or event.get("anonymous_id") or ""
            name = person_of(identifier, links or {})
        else:
            name = text_at(event, unit)
        if name:
            found[name].append(event)
    return found


def chain_of(events: Sequence[Event], funnel: Funnel) -> Chain:
    """The earliest of the longest chains of one unit; `events` are all of its events in order."""
    for length in range(len(funnel.steps), 0, -1):
        found = _chains(events, funnel, (), frozenset(), length)
        # They come the earliest first, but in any order an event may take the step that an earlier way on needs.
        longest = min(found, default=None) if funnel.order == "any" else next(found, None)
        if longest is not None:
            return tuple(events[position] for position in longest)
    return ()


def _chains(
    events: Sequence[Event],
    funnel: Funnel,
    chain: tuple[int, ...],
    done: frozenset[int],
    length: int,
) -> Iterator[tuple[int, ...]]:
    if len(chain) == length:
        yield chain
        return
    for position in range(chain[-1] + 1 if chain else 0, len(events)):
        if not _fits(events, funnel, chain, position):
            continue
        for step in range(len(funnel.steps)) if funnel.order == "any" else (len(chain),):
            if step not in done and matches(funnel.steps[step].matcher, events[position]):
                yield from _chains(events, funnel, (*chain, position), done | {step}, length)


def _fits(events: Sequence[Event], funnel: Funnel, chain: tuple[int, ...], position: int) -> bool:
    """Whether the limits let the event at `position` follow the chain."""
    if not chain:
        return True
    moment = events[position]["timestamp"]
    if funnel.window_us is not None and moment - events[chain[0]]["timestamp"] > _us(funnel.window_us):
        return False
    if funnel.order == "any":
        after_start = events[chain[0] + 1 : position + 1]
        return not any(matches(one.matcher, event) for one in funnel.exclusions for event in after_start)
    if funnel.order == "strict" and position != chain[-1] + 1:
        return False
    within_us = funnel.steps[len(chain)].within_us
    if within_us is not None and moment - events[chain[-1]]["timestamp"] > _us(within_us):
        return False
    between = events[chain[-1] + 1 : position]
    gap = len(chain) + 1
    return not any(
        matches(one.matcher, event)
        for one in funnel.exclusions
        if one.from_step < gap <= one.to_step
        for event in between
    )


def _us(microseconds: int) -> timedelta:
    return timedelta(microseconds=microseconds)


def figures(chains: Sequence[Chain], steps: int) -> dict[str, Any]:
    """Counts and times, without names."""
    counts = [sum(len(chain) > number for chain in chains) for number in range(steps)]
    whole = [chain for chain in chains if len(chain) == steps]
    return {
        "counts": counts,
        "times": [
            _times([(chain[number - 1], chain[number]) for chain in chains if len(chain) > number])
            for number in range(1, steps)
        ],
        "total": _times([(chain[0], chain[-1]) for chain in whole]),
    }


def _times(pairs: Sequence[tuple[Event, Event]]) -> tuple[float, float] | None:
    """(median, mean) in seconds."""
    seconds = [(later["timestamp"] - earlier["timestamp"]).total_seconds() for earlier, later in pairs]
    return (statistics.median(seconds), statistics.mean(seconds)) if seconds else None


def sessions_of(events: Sequence[Event], gap: timedelta) -> list[list[Event]]:
    """The sessions of one unit; `events` are all of its events in order."""
    named: dict[str, list[Event]] = defaultdict(list)
    others: list[list[Event]] = []
    last: datetime | None = None
    for event in events:
        if session_id := event.get("session_id"):
            named[session_id].append(event)
            continue
        if last is None or event["timestamp"] - last > gap:
            others.append([])
        others[-1].append(event)
        last = event["timestamp"]
    return [*named.values(), *others]

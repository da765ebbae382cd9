"""Experiments over plain lists, as one would do it by hand: what every query has to agree with."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analytics.experiments.definitions import Definition, Metric
from analytics.matchers import matches
from analytics.matchers.matching import text_at
from analytics.models.experiments import MetricKind
from events.identities import Link
from tests.analytics.naive import Event, by_unit


@dataclass(frozen=True)
class Exposed:
    """A person's events, and where their first exposure lies among them."""

    events: Sequence[Event]
    first: int
    variant: str


@dataclass(frozen=True)
class Found:
    """`figures` by variant and metric: (people, converted) or (people, mean, variance)."""

    people: dict[str, int]
    mixed: int
    figures: dict[tuple[str, str], tuple[Any, ...]]
    days: Counter[tuple[str, str]]


def found(
    events: Sequence[Event], definition: Definition, start: datetime, end: datetime, links: Mapping[str, Link]
) -> Found:
    exposed: list[Exposed] = []
    mixed = 0
    for of_person in by_unit(events, "user_id", links).values():
        shown = [n for n, event in enumerate(of_person) if _is_exposure(event, definition, start, end)]
        variants = {text_at(of_person[n], definition.variant_column) for n in shown}
        if len(variants) == 1:
            exposed.append(Exposed(of_person, shown[0], variants.pop()))
        mixed += len(variants) > 1
    people = Counter(one.variant for one in exposed)
    return Found(
        people=dict(people),
        mixed=mixed,
        figures={
            (variant, metric.key): _figures([one for one in exposed if one.variant == variant], metric, end)
            for variant in people
            for metric in definition.metrics
        },
        days=Counter((str(one.events[one.first]["timestamp"].date()), one.variant) for one in exposed),
    )


def _is_exposure(event: Event, definition: Definition, start: datetime, end: datetime) -> bool:
    return (
        start <= event["timestamp"] < end
        and matches(definition.exposure, event)
        and text_at(event, definition.variant_column) != ""
    )


def _figures(people: Sequence[Exposed], metric: Metric, end: datetime) -> tuple[Any, ...]:
    counted = [_events(one, metric, end) for one in people]
    if metric.kind == MetricKind.CONVERSION:
        return len(people), sum(bool(events) for events in counted)
    if metric.column is None:
        return _moments([float(len(events)) for events in counted])
    key = metric.column.removeprefix("properties.")
    numbers = [
        [event["properties"][key] for event in events if isinstance(event["properties"].get(key), int)]
        for events in counted
    ]
    if metric.kind == MetricKind.TOTAL:
        return _moments([float(sum(own)) for own in numbers])
    return _moments([statistics.mean(own) for own in numbers if own])


def _events(person: Exposed, metric: Metric, end: datetime) -> list[Event]:
    """Those after the first exposure, in order, that count."""
    at = person.events[person.first]["timestamp"]
    return [
        event
        for event in person.events[person.first + 1 :]
        if matches(metric.matcher, event)
        and (event["timestamp"] - at <= metric.window if metric.window else event["timestamp"] < end)
    ]


def _moments(values: Sequence[float]) -> tuple[Any, ...]:
    mean = statistics.mean(values) if values else None
    return len(values), mean, statistics.variance(values) if len(values) > 1 else None

"""What a source hands to the state machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from alerting.state import Sample
from analytics.matchers import EVERY_EVENT, Matcher

LabelSet = tuple[tuple[str, str], ...]
"""Sorted (name, value) pairs: what tells the alerts of one rule apart."""

Aggregation = Literal["avg", "min", "max", "sum", "count", "last", "p50", "p90", "p95", "p99", "rate"]
PERCENTILES: Mapping[str, float] = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
EVERY_LABEL = ("*",)


@dataclass(frozen=True, slots=True)
class Window:
    """`(end - length, end]` on the record's own time, of one project."""

    project_id: int
    end: datetime
    length_seconds: float

    @property
    def start(self) -> datetime:
        return self.end - timedelta(seconds=self.length_seconds)


class Question(msgspec.Struct, frozen=True, gc=False):
    """One rule's question to a source. `wants_silent`: label sets that exist without data matter to the rule.

    Events are chosen by `matcher`, all others by `filters`.
    """

    rule_id: int
    metric: str
    aggregation: Aggregation
    filters: tuple[tuple[str, str], ...]
    group_by: tuple[str, ...]
    wants_silent: bool = False
    matcher: Matcher = EVERY_EVENT

    @property
    def without_rule(self) -> Question:
        """The same for all rules that ask it."""
        return Question(0, self.metric, self.aggregation, self.filters, self.group_by, matcher=self.matcher)


@dataclass(frozen=True, slots=True)
class Answer:
    """Samples by label set. `silent` are label sets that exist (seen in the last day) without data in the window.

    `problem` is why this one rule can't be evaluated, in words for people; empty where it can.
    """

    samples: Mapping[LabelSet, Sample] = field(default_factory=dict)
    silent: frozenset[LabelSet] = frozenset()
    problem: str = ""


def label_set(pairs: Iterable[tuple[str, str | None]]) -> LabelSet:
    """Sorted labels; one without a value is left out, as if it were not there."""
    return tuple(sorted((name, value) for name, value in pairs if value))


def text_of(value: str | int | float | bool) -> str:
    """A filter's or a label's value as the text it is compared by: 500.0 is "500", true is "true"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)

"""A backtest as the API answers it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypedDict

from alerting.backtest.run import Backtest
from alerting.backtest.tally import Sum, Turn
from alerting.sources.samples import LabelSet

MAX_TRANSITIONS = 5_000
MAX_LABEL_SETS = 1_000

TurnAnswer = TypedDict(
    "TurnAnswer",
    {
        "at": str,
        "labels": dict[str, str],
        "kind": str,
        "from": str,
        "to": str,
        "value": float | None,
        "reason": str,
    },
)


class SumAnswer(TypedDict):
    """How often it fired, how many messages one channel got, how many minutes it fired over all label sets."""

    fires: int
    messages: int
    minutes_firing: float


class DayAnswer(SumAnswer):
    """A day (UTC)."""

    date: str


class LabelsAnswer(SumAnswer):
    """A label set."""

    labels: dict[str, str]


class ThresholdAnswer(SumAnswer):
    """What another threshold would have done."""

    threshold: float


class BacktestAnswer(SumAnswer):
    """Times in RFC 3339; all lists in order of time, of name, or of size."""

    start: str
    end: str
    step_seconds: float
    evaluation_count: int
    transitions: list[TurnAnswer]
    transitions_truncated: int
    per_day: list[DayAnswer]
    per_label_set: list[LabelsAnswer]
    curve: list[ThresholdAnswer]
    notes: list[str]


def answer(found: Backtest) -> BacktestAnswer:
    period, turns = found.period, found.tally.turns
    return {
        **_sum(found.tally.total()),
        "start": period.start.isoformat(),
        "end": period.end.isoformat(),
        "step_seconds": period.step_seconds,
        "evaluation_count": period.evaluation_count,
        "transitions": [_turn(turn) for turn in turns[:MAX_TRANSITIONS]],
        "transitions_truncated": max(0, len(turns) - MAX_TRANSITIONS),
        "per_day": [
            {"date": day.isoformat(), **_sum(total)}
            for day, total in found.tally.by_day(period.start, period.end).items()
        ],
        "per_label_set": _label_sets(found.tally.by_labels()),
        "curve": [{"threshold": point.threshold, **_sum(point.sum)} for point in found.curve],
        "notes": list(found.notes),
    }


def _label_sets(sums: Mapping[LabelSet, Sum]) -> list[LabelsAnswer]:
    """Those that fired longest first."""
    ordered = sorted(sums.items(), key=lambda item: (-item[1].minutes_firing, item[0]))
    return [{"labels": dict(labels), **_sum(total)} for labels, total in ordered[:MAX_LABEL_SETS]]


def _sum(found: Sum) -> SumAnswer:
    return {
        "fires": found.fires,
        "messages": found.messages,
        "minutes_firing": round(found.minutes_firing, 3),
    }


def _turn(turn: Turn) -> TurnAnswer:
    is_number = turn.value is not None and math.isfinite(turn.value)
    return {
        "at": turn.at.isoformat(),
        "labels": dict(turn.labels),
        "kind": turn.change.kind,
        "from": turn.change.from_status,
        "to": turn.change.to_status,
        "value": turn.value if is_number else None,
        "reason": turn.change.reason,
    }

"""What windows of hours and days add up to, without a look at all their raw rows at every tick."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from alerting.rule_types import selection
from alerting.sources.reading import Hourly, Reading
from alerting.sources.samples import LabelSet, Question, Window

HOUR = timedelta(hours=1)
LONGEST_RAW_SECONDS = 2 * 3600
"""Up to this length the raw rows are read: whole hours would save little of it."""

# Windows leave their start out and have their end inside; hours have it the other way round.
_TICK = timedelta(microseconds=1)

Totals = Mapping[LabelSet, float]
ByQuestion = Mapping[int, Totals]


@dataclass(frozen=True, slots=True)
class Pieces:
    """A long window cut where the hours begin: raw rows before, whole hours, raw rows after."""

    head: Window | None
    first_hour: datetime
    last_hour: datetime
    tail: Window


def cut(window: Window) -> Pieces:
    """`last_hour` is the end of the whole hours, and the start of the one that still runs."""
    last_hour = _floor(window.end)
    first_hour = min(_floor(window.start + HOUR), last_hour)
    head_end = first_hour - _TICK
    length = (head_end - window.start).total_seconds()
    head = Window(window.project_id, head_end, length) if length > 0 else None
    after = (window.end - last_hour + _TICK).total_seconds()
    return Pieces(head, first_hour, last_hour, Window(window.project_id, window.end, after))


def totals(
    reading: Reading, source: str, lengths_seconds: Iterable[float], questions: Sequence[Question]
) -> dict[float, ByQuestion]:
    """Totals by length of the window, question and label set; what a rate says per second is added up too.

    Long windows share the hours, which are read once for the longest, and the time since the last full hour.
    """
    lengths = set(lengths_seconds)
    short = {length for length in lengths if length <= LONGEST_RAW_SECONDS}
    found = {length: _raw(reading, source, reading.window(length), questions) for length in short}
    if not lengths - short:
        return found
    pieces = {length: cut(reading.window(length)) for length in lengths - short}
    longest = pieces[max(pieces)]
    whole = Window(
        reading.project_id,
        longest.last_hour,
        (longest.last_hour - longest.first_hour).total_seconds(),
    )
    hours = reading.sources.hourly(source, whole, questions)
    tail = _raw(reading, source, longest.tail, questions)
    for length, piece in pieces.items():
        head = _raw(reading, source, piece.head, questions) if piece.head else {}
        found[length] = {
            question.rule_id: _added(
                head.get(question.rule_id, {}),
                _of_hours(question, hours[question.rule_id], piece.first_hour),
                tail[question.rule_id],
            )
            for question in questions
        }
    return found


def _raw(reading: Reading, source: str, window: Window, questions: Sequence[Question]) -> ByQuestion:
    answers = selection.ask(reading.sources, source, window, questions)
    factors = {one.rule_id: _seconds(one, window.length_seconds) for one in questions}
    return {
        rule_id: {
            labels: sample.value * factors[rule_id]
            for labels, sample in answer.samples.items()
            if sample.value is not None
        }
        for rule_id, answer in answers.items()
    }


def _of_hours(question: Question, hourly: Hourly, first_hour: datetime) -> Totals:
    factor = _seconds(question, HOUR.total_seconds())
    return {
        labels: factor * sum(value for hour, value in hours.items() if hour >= first_hour)
        for labels, hours in hourly.items()
    }


def _seconds(question: Question, length_seconds: float) -> float:
    return length_seconds if question.aggregation == "rate" else 1


def _added(*parts: Totals) -> Totals:
    total: dict[LabelSet, float] = defaultdict(float)
    for part in parts:
        for labels, value in part.items():
            total[labels] += value
    return total


def _floor(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)

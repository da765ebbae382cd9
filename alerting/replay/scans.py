"""Events and spans in memory, counted as `alerting.sources.events` and `.spans` count rows.

Rows whose columns agree are kept together, so that a window is a piece of one sorted list for each combination.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime

from alerting.sources.aggregates import SeriesWindow, combine
from alerting.sources.events import mark_of
from alerting.sources.samples import Answer, LabelSet, Question, Window, label_set
from alerting.sources.scans import MAX_GROUPS, Filters, TooManyGroups
from alerting.sources.spans import is_counted
from alerting.state import Sample
from analytics.matchers import Filter, Matcher, is_met

Columns = tuple[tuple[str, str], ...]
"""Sorted (column, text) pairs by the names that filters and group_by have, `tags.region` too; empty ones left out."""

GroupBy = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventCount:
    """Events alike in all that some rule looks at; `at` in Unix seconds.

    `held` are the filters that hold for them, of those that the texts in `columns` don't decide.
    """

    at: float
    count: int
    columns: Columns
    held: Set[Filter] = frozenset()


@dataclass(frozen=True, slots=True)
class SpanRow:
    """A span; its status and its other columns are texts. `at` is its start in Unix seconds.

    `count` spans together where only their number matters, not their durations.
    """

    at: float
    duration_ms: float
    columns: Columns
    count: int = 1


@dataclass(slots=True)
class _Pile:
    """Rows with the same columns; `totals[i]` is what the first i rows count together."""

    columns: Mapping[str, str]
    held: Set[Filter] = frozenset()
    times: array[float] = field(default_factory=lambda: array("d"))
    totals: list[int] = field(default_factory=lambda: [0])
    durations: array[float] = field(default_factory=lambda: array("d"))

    def add(self, at: float, count: int = 1, duration_ms: float = 0) -> None:
        self.times.append(at)
        self.totals.append(self.totals[-1] + count)
        self.durations.append(duration_ms)

    def piece(self, window: Window) -> tuple[int, int]:
        start, end = window.start.timestamp(), window.end.timestamp()
        return bisect_right(self.times, start), bisect_right(self.times, end)

    def count(self, first: int, last: int) -> int:
        return self.totals[last] - self.totals[first]

    def passes(self, filters: Filters) -> bool:
        return all(self.columns.get(name, "") == text for name, text in filters)

    def meets(self, matcher: Matcher) -> bool:
        return is_met(matcher, self._holds)

    def _holds(self, one: Filter) -> bool:
        mark = mark_of(one)
        return mark in self.held if isinstance(mark, Filter) else self.columns.get(mark, "") in one.texts


class _Piles:
    def __init__(self) -> None:
        self.all: dict[tuple[Columns, Set[Filter]], _Pile] = {}
        self._chosen: dict[tuple[GroupBy, Filters, Matcher], list[tuple[LabelSet, _Pile]]] = {}

    def of(self, columns: Columns, held: Set[Filter] = frozenset()) -> _Pile:
        return self.all.setdefault((columns, held), _Pile(dict(columns), held))

    def chosen(self, group_by: GroupBy, question: Question) -> list[tuple[LabelSet, _Pile]]:
        """The piles that count with their label sets; worked out once, as a replay asks at every step."""
        key = (group_by, question.filters, question.matcher)
        if key not in self._chosen:
            self._chosen[key] = [
                (label_set((name, pile.columns.get(name)) for name in group_by), pile)
                for pile in self.all.values()
                if pile.passes(question.filters) and pile.meets(question.matcher)
            ]
        return self._chosen[key]


class MemoryEvents:
    """Events, sorted into piles once."""

    def __init__(self, rows: Iterable[EventCount]) -> None:
        self._piles = _Piles()
        for row in sorted(rows, key=lambda row: row.at):
            self._piles.of(row.columns, row.held).add(row.at, row.count)

    def measure(self, window: Window, group_by: GroupBy, questions: Sequence[Question]) -> dict[int, Answer]:
        """Counts by rule id. Raises TooManyGroups."""
        return {question.rule_id: self._answer(window, group_by, question) for question in questions}

    def _answer(self, window: Window, group_by: GroupBy, question: Question) -> Answer:
        counts: dict[LabelSet, int] = defaultdict(int)
        for labels, pile in self._piles.chosen(group_by, question):
            first, last = pile.piece(window)
            if count := pile.count(first, last):
                counts[labels] += count
        _check_groups(counts)
        return Answer({labels: Sample(float(count)) for labels, count in counts.items()})


class MemorySpans:
    """Spans, sorted into piles once."""

    def __init__(self, rows: Iterable[SpanRow]) -> None:
        self._piles = _Piles()
        for row in sorted(rows, key=lambda row: row.at):
            self._piles.of(row.columns).add(row.at, row.count, row.duration_ms)

    def measure(self, window: Window, group_by: GroupBy, questions: Sequence[Question]) -> dict[int, Answer]:
        """Answers by rule id. Raises TooManyGroups."""
        return {question.rule_id: self._answer(window, group_by, question) for question in questions}

    def _answer(self, window: Window, group_by: GroupBy, question: Question) -> Answer:
        found: dict[LabelSet, list[tuple[_Pile, int, int]]] = defaultdict(list)
        for labels, pile in self._piles.chosen(group_by, question):
            first, last = pile.piece(window)
            if first < last:
                found[labels].append((pile, first, last))
        _check_groups(found)
        return Answer({labels: _sample(window, question, pieces) for labels, pieces in found.items()})


def _sample(window: Window, question: Question, pieces: Sequence[tuple[_Pile, int, int]]) -> Sample:
    count = sum(pile.count(first, last) for pile, first, last in pieces)
    if is_counted(question.metric, question.aggregation):
        return Sample(count / (window.length_seconds if question.aggregation == "rate" else 1))
    if question.metric == "error_ratio":
        failed = [piece for piece in pieces if piece[0].columns.get("status") == "error"]
        errors = sum(pile.count(first, last) for pile, first, last in failed)
        return Sample(errors / count)
    return combine([_durations(*piece) for piece in pieces], question.aggregation)


def _durations(pile: _Pile, first: int, last: int) -> SeriesWindow:
    values = pile.durations[first:last]
    return SeriesWindow(
        count=len(values),
        total=sum(values),
        low=min(values),
        high=max(values),
        last=values[-1],
        last_at=datetime.fromtimestamp(pile.times[last - 1], UTC),
        values=values,
    )


def _check_groups(found: Mapping[LabelSet, object]) -> None:
    if len(found) > MAX_GROUPS:
        raise TooManyGroups

"""Telemetry in lists: the `Sources` of rule tests and backtests, with the same semantics as the database's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime

from alerting.replay.hours import Hours
from alerting.replay.points import Edges, Points
from alerting.replay.scans import EventCount, MemoryEvents, MemorySpans, SpanRow
from alerting.sources.aggregates import SeriesWindow
from alerting.sources.business_metrics import window_of
from alerting.sources.metric_points import SEEN_WITHIN
from alerting.sources.reading import Hourly, Seen
from alerting.sources.samples import Aggregation, Answer, LabelSet, Question, Window
from alerting.sources.series import Key, LabelIndex, Series, SilentSeries, answer_questions


@dataclass(frozen=True, slots=True)
class MetricSeries:
    """A series with its points; the key of `series` is unique among those of its kind."""

    series: Series
    points: Points


class MemorySources:
    """All series and rows are given at the start; what rules have seen and which alerts fire is kept here too.

    Windows look at what lies inside them only, so rows of the future do no harm. The project of a window is not
    looked at: what is given belongs to one.
    """

    def __init__(
        self,
        *,
        metrics: Iterable[MetricSeries] = (),
        business: Iterable[MetricSeries] = (),
        events: Iterable[EventCount] = (),
        spans: Iterable[SpanRow] = (),
    ) -> None:
        self._metrics = _SeriesStore(metrics)
        self._business = _SeriesStore(business)
        self._events = MemoryEvents(events)
        self._spans = MemorySpans(spans)
        self._seen: dict[int, dict[LabelSet, Seen]] = defaultdict(dict)
        self._fired: dict[int, frozenset[LabelSet]] = {}
        self._rule_names: dict[int, str] = {}
        self._hours = Hours(self)

    def metric_points(
        self, window: Window, shape: Aggregation, questions: Sequence[Question]
    ) -> dict[int, Answer]:
        windows, ended = self._metrics.windows(window, questions)

        def ask_silent(quiet: set[Key]) -> SilentSeries:
            return self._metrics.silent(window, quiet)

        return answer_questions(questions, self._metrics.index, windows, ended, ask_silent)

    def business_metrics(self, window: Window, questions: Sequence[Question]) -> dict[int, Answer]:
        windows = self._business.periods(window, questions)
        return answer_questions(questions, self._business.index, windows, frozenset(), _know_no_silent)

    def events(
        self, window: Window, group_by: tuple[str, ...], questions: Sequence[Question]
    ) -> dict[int, Answer]:
        return self._events.measure(window, group_by, questions)

    def spans(
        self, window: Window, group_by: tuple[str, ...], questions: Sequence[Question]
    ) -> dict[int, Answer]:
        return self._spans.measure(window, group_by, questions)

    def remember(
        self, present: Mapping[int, Iterable[LabelSet]], now: datetime, forget_before: datetime | None = None
    ) -> Mapping[int, Mapping[LabelSet, Seen]]:
        for rule_id, label_sets in present.items():
            known = self._seen[rule_id]
            kept = {
                labels: seen
                for labels, seen in known.items()
                if forget_before is None or seen.last_at >= forget_before
            }
            noted = {
                labels: Seen(kept[labels].first_at if labels in kept else now, now) for labels in label_sets
            }
            self._seen[rule_id] = kept | noted
        return {rule_id: dict(self._seen[rule_id]) for rule_id in present}

    def hourly(self, source: str, window: Window, questions: Sequence[Question]) -> dict[int, Hourly]:
        return {question.rule_id: self._hours.answers(source, window, question) for question in questions}

    def rule_names(self, project_id: int) -> Mapping[int, str]:
        return self._rule_names

    def firing(self, rule_ids: Iterable[int]) -> Mapping[int, Set[LabelSet]]:
        return {rule_id: fired for rule_id in rule_ids if (fired := self._fired.get(rule_id))}

    def note_rules(self, names: Mapping[int, str]) -> None:
        """The rules that there are, by id."""
        self._rule_names = dict(names)

    def note_firing(self, rule_id: int, label_sets: Iterable[LabelSet]) -> None:
        """The label sets of a rule's alerts that fire from now on."""
        self._fired[rule_id] = frozenset(label_sets)


class _SeriesStore:
    def __init__(self, metrics: Iterable[MetricSeries]) -> None:
        given = list(metrics)
        self.index = LabelIndex(one.series for one in given)
        self._points = {one.series.key: one.points for one in given}

    def windows(
        self, window: Window, questions: Sequence[Question]
    ) -> tuple[Mapping[Key, SeriesWindow], frozenset[Key]]:
        """What each living series has in the window, and the series whose newest point is a stale marker."""
        edges, wanted = Edges.of(window), {question.aggregation for question in questions}
        windows: dict[Key, SeriesWindow] = {}
        ended: set[Key] = set()
        for key in self._chosen(questions):
            points = self._points[key]
            piece = points.piece(edges)
            match points.newest_is_stale(piece):
                case True:
                    ended.add(key)
                case False:
                    windows[key] = points.window(piece, edges, wanted)
        return windows, frozenset(ended)

    def periods(self, window: Window, questions: Sequence[Question]) -> Mapping[Key, SeriesWindow]:
        """What each series that has a number in the window holds, for all aggregations."""
        edges = Edges.of(window)
        windows: dict[Key, SeriesWindow] = {}
        for key in self._chosen(questions):
            points = self._points[key]
            times, values = points.numbers(points.piece(edges))
            if values:
                windows[key] = window_of(window, times, values, datetime.fromtimestamp(times[-1], UTC))
        return windows

    def silent(self, window: Window, quiet: set[Key]) -> SilentSeries:
        """Of series without data in the window: those seen lately, and those that ended."""
        start = min(window.start, window.end - SEEN_WITHIN)
        edges = Edges.of(Window(window.project_id, window.end, (window.end - start).total_seconds()))
        newest = {key: self._newest_is_stale(key, edges) for key in quiet}
        return SilentSeries(
            seen=frozenset(key for key, is_stale in newest.items() if is_stale is False),
            ended=frozenset(key for key, is_stale in newest.items() if is_stale),
        )

    def _newest_is_stale(self, key: Key, edges: Edges) -> bool | None:
        points = self._points[key]
        return points.newest_is_stale(points.piece(edges))

    def _chosen(self, questions: Sequence[Question]) -> dict[Key, None]:
        wanted = {(question.metric, question.filters) for question in questions}
        return {series.key: None for name, filters in wanted for series in self.index.select(name, filters)}


def _know_no_silent(quiet: set[Key]) -> SilentSeries:
    """Business metrics have no series: what has no period in the window is unknown."""
    return SilentSeries()

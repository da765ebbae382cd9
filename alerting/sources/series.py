"""Filters and group_by over the labels of series, in memory, so that one query serves all rules of a group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from alerting.sources.aggregates import SeriesWindow, combine
from alerting.sources.samples import EVERY_LABEL, Answer, LabelSet, Question, label_set
from alerting.state import Sample

Key = str | int


@dataclass(frozen=True, slots=True)
class Series:
    """A series as rules see it: `labels` under their own names, `columns` the copies and other columns."""

    key: Key
    name: str
    labels: Mapping[str, str]
    columns: Mapping[str, str]

    def label(self, name: str) -> str | None:
        """A label, else a column; `tags.<key>` and `dimensions.<key>` name a label too."""
        found = self.labels.get(name) or self.columns.get(name)
        if found:
            return found
        prefix, dot, rest = name.partition(".")
        return self.labels.get(rest) if dot and prefix in {"tags", "labels", "dimensions"} else None

    def label_set(self, group_by: tuple[str, ...]) -> LabelSet:
        if group_by == EVERY_LABEL:
            return label_set(self.labels.items())
        return label_set((name, self.label(name)) for name in group_by)


Filters = tuple[tuple[str, str], ...]
Groups = Mapping[LabelSet, Sequence[Series]]


class LabelIndex:
    """Series by name, and by name and label value once a filter asked for that label."""

    def __init__(self, series: Iterable[Series]) -> None:
        self._by_name: dict[str, list[Series]] = defaultdict(list)
        self._by_label: dict[tuple[str, str], dict[str, list[Series]]] = {}
        self._groups: dict[tuple[str, Filters, tuple[str, ...]], Groups] = {}
        for one in series:
            self._by_name[one.name].append(one)

    def select(self, name: str, filters: Sequence[tuple[str, str]]) -> list[Series]:
        """The series of a name that pass all filters; an empty value asks for series without that label."""
        if not filters:
            return self._by_name.get(name, [])
        (first, value), *others = filters
        candidates = self._labelled(name, first).get(value, [])
        return [one for one in candidates if all((one.label(key) or "") == text for key, text in others)]

    def groups(self, name: str, filters: Filters, group_by: tuple[str, ...]) -> Groups:
        """The series that pass all filters, by label set. Kept: a replay asks the same at every step."""
        key = (name, filters, group_by)
        if key not in self._groups:
            groups: dict[LabelSet, list[Series]] = defaultdict(list)
            for series in self.select(name, filters):
                groups[series.label_set(group_by)].append(series)
            self._groups[key] = groups
        return self._groups[key]

    def _labelled(self, name: str, key: str) -> dict[str, list[Series]]:
        index = self._by_label.get((name, key))
        if index is None:
            index = defaultdict(list)
            for one in self._by_name.get(name, []):
                index[one.label(key) or ""].append(one)
            self._by_label[name, key] = index
        return index


@dataclass(frozen=True, slots=True)
class SilentSeries:
    """What is known of series without data in the window: seen lately, or ended by a stale marker."""

    seen: frozenset[Key] = frozenset()
    ended: frozenset[Key] = frozenset()


AskSilent = Callable[[set[Key]], SilentSeries]


def answer_questions(
    questions: Sequence[Question],
    index: LabelIndex,
    windows: Mapping[Key, SeriesWindow],
    ended: frozenset[Key],
    ask_silent: AskSilent,
) -> dict[int, Answer]:
    """Answers by rule id.

    Equal questions are worked out once: many rules watch the same series with other thresholds. `ask_silent` is
    called at most once, with the silent series of the rules that want to know about them.
    """
    alike: dict[object, list[Question]] = defaultdict(list)
    for one in questions:
        alike[one.metric, one.aggregation, one.filters, one.group_by, one.wants_silent].append(one)
    asked = [
        (same, index.groups(same[0].metric, same[0].filters, same[0].group_by)) for same in alike.values()
    ]
    quiet = {
        series.key
        for same, groups in asked
        if same[0].wants_silent
        for members in groups.values()
        for series in members
        if series.key not in windows and series.key not in ended
    }
    silent = ask_silent(quiet) if quiet else SilentSeries()
    result: dict[int, Answer] = {}
    for same, groups in asked:
        answer = _answer(same[0], groups, windows, ended, silent)
        result |= dict.fromkeys([one.rule_id for one in same], answer)
    return result


def _answer(
    question: Question,
    groups: Groups,
    windows: Mapping[Key, SeriesWindow],
    ended: frozenset[Key],
    silent: SilentSeries,
) -> Answer:
    """A label set is stale when all of its series that are known to live or to have ended have ended."""
    samples: dict[LabelSet, Sample] = {}
    quiet: set[LabelSet] = set()
    for labels, members in groups.items():
        live = [windows[series.key] for series in members if series.key in windows]
        if live:
            sample = combine(live, question.aggregation)
            if sample.value is not None:
                samples[labels] = sample
            else:
                quiet.add(labels)
        elif question.wants_silent and any(series.key in silent.seen for series in members):
            quiet.add(labels)
        elif any(series.key in ended or series.key in silent.ended for series in members):
            samples[labels] = Sample(None, stale=True)
    return Answer(samples, frozenset(quiet))

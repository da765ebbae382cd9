"""What rule types may ask of telemetry, wherever it is: the database, or lists in memory for tests and backtests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from alerting.sources.samples import Aggregation, Answer, LabelSet, Question, Window


@dataclass(frozen=True, slots=True)
class Seen:
    """When a rule saw a label set, first and last."""

    first_at: datetime
    last_at: datetime


Hourly = Mapping[LabelSet, Mapping[datetime, float]]
"""Values by label set and start of the hour."""


class Sources(Protocol):
    """Answers are by the questions' `rule_id`. Each method raises django.db.Error or TooManyGroups."""

    def metric_points(
        self, window: Window, shape: Aggregation, questions: Sequence[Question]
    ) -> dict[int, Answer]:
        """Points of metrics; `shape` is `metric_points.shape_of` the questions' aggregations, the same for all."""

    def business_metrics(self, window: Window, questions: Sequence[Question]) -> dict[int, Answer]: ...

    def events(
        self, window: Window, group_by: tuple[str, ...], questions: Sequence[Question]
    ) -> dict[int, Answer]:
        """Counts of events, all grouped by the same columns."""

    def spans(
        self, window: Window, group_by: tuple[str, ...], questions: Sequence[Question]
    ) -> dict[int, Answer]:
        """Durations, error ratios and counts of spans, all grouped by the same columns."""

    def remember(
        self, present: Mapping[int, Iterable[LabelSet]], now: datetime, forget_before: datetime | None = None
    ) -> Mapping[int, Mapping[LabelSet, Seen]]:
        """Note the label sets that rules see now; for each of these rules all it has ever seen, these included.

        What was last seen before `forget_before` is forgotten first. All that a call notes bears its `now` exactly.
        """

    def hourly(self, source: str, window: Window, questions: Sequence[Question]) -> dict[int, Hourly]:
        """The questions' answers for each whole hour of the window, which begins and ends on the hour.

        `source` is a source type. Hours without records are left out. Reads what is added up by the hour where that
        holds what is asked, so that weeks are cheap: the increase of a counter is then what it gained since the hour
        before, without the extension to the hour's edges, and percentiles are within 1 %.
        """

    def rule_names(self, project_id: int) -> Mapping[int, str]:
        """The names, by id, of the project's rules that are not deleted."""

    def firing(self, rule_ids: Iterable[int]) -> Mapping[int, Set[LabelSet]]:
        """The label sets of open alerts that have fired, acknowledged ones too, by rule; only rules that have some."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One evaluation of rules of a project: whom to ask, and the end of the window."""

    sources: Sources
    project_id: int
    now: datetime

    def window(self, length_seconds: float, back_seconds: float = 0) -> Window:
        """`length_seconds` that ended `back_seconds` ago."""
        return Window(self.project_id, self.now - timedelta(seconds=back_seconds), length_seconds)

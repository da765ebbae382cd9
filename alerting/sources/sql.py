"""Telemetry as it is stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime

from alerting.models import Alert, Rule, Status
from alerting.sources import business_metrics, events, history, memory, metric_points, spans
from alerting.sources.reading import Hourly, Seen
from alerting.sources.samples import Aggregation, Answer, LabelSet, Question, Window, label_set


class SqlSources:
    """The `Sources` of production."""

    def metric_points(
        self, window: Window, shape: Aggregation, questions: Sequence[Question]
    ) -> dict[int, Answer]:
        return metric_points.measure(window, shape, questions)

    def business_metrics(self, window: Window, questions: Sequence[Question]) -> dict[int, Answer]:
        return business_metrics.measure(window, questions)

    def events(
        self, window: Window, group_by: tuple[str, ...], questions: Sequence[Question]
    ) -> dict[int, Answer]:
        return events.measure(window, group_by, questions)

    def spans(
        self, window: Window, group_by: tuple[str, ...], questions: Sequence[Question]
    ) -> dict[int, Answer]:
        return spans.measure(window, group_by, questions)

    def remember(
        self, present: Mapping[int, Iterable[LabelSet]], now: datetime, forget_before: datetime | None = None
    ) -> Mapping[int, Mapping[LabelSet, Seen]]:
        return memory.remember(present, now, forget_before)

    def hourly(self, source: str, window: Window, questions: Sequence[Question]) -> dict[int, Hourly]:
        return history.hourly(source, window, questions)

    def rule_names(self, project_id: int) -> Mapping[int, str]:
        return dict(Rule.objects.filter(project_id=project_id, deleted_at=None).values_list("id", "name"))

    def firing(self, rule_ids: Iterable[int]) -> Mapping[int, Set[LabelSet]]:
        found: dict[int, set[LabelSet]] = defaultdict(set)
        fired = Alert.objects.filter(rule__in=list(rule_ids), status__in=[Status.FIRING, Status.ACKNOWLEDGED])
        for rule_id, labels in fired.values_list("rule_id", "labels"):
            found[rule_id].add(label_set(labels.items()))
        return found

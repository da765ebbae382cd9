"""Telemetry as it is stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime
from hashlib import blake2b

import msgspec

from alerting.models import Alert, KnownLabels, Status
from alerting.sources import business_metrics, events, metric_points, spans
from alerting.sources.reading import Seen
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

    def remember(self, rule_id: int, present: Iterable[LabelSet], now: datetime) -> Mapping[LabelSet, Seen]:
        rows = [
            KnownLabels(
                rule_id=rule_id,
                fingerprint=_fingerprint(labels),
                labels=dict(labels),
                first_seen_at=now,
                last_seen_at=now,
            )
            for labels in present
        ]
        KnownLabels.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["rule", "fingerprint"],
            update_fields=["last_seen_at"],
        )
        known = KnownLabels.objects.filter(rule=rule_id).values_list(
            "labels", "first_seen_at", "last_seen_at"
        )
        return {label_set(labels.items()): Seen(first, last) for labels, first, last in known}

    def firing(self, rule_ids: Iterable[int]) -> Mapping[int, Set[LabelSet]]:
        found: dict[int, set[LabelSet]] = defaultdict(set)
        fired = Alert.objects.filter(rule__in=list(rule_ids), status__in=[Status.FIRING, Status.ACKNOWLEDGED])
        for rule_id, labels in fired.values_list("rule_id", "labels"):
            found[rule_id].add(label_set(labels.items()))
        return found


def _fingerprint(labels: LabelSet) -> str:
    return blake2b(msgspec.json.encode(labels), digest_size=16).hexdigest()

"""The label sets that rules have seen, as rows: what is new or missing shows only against what was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import blake2b

import msgspec

from alerting.models import KnownLabels
from alerting.sources.reading import Seen
from alerting.sources.samples import LabelSet, label_set


def remember(
    present: Mapping[int, Iterable[LabelSet]], now: datetime, forget_before: datetime | None
) -> dict[int, dict[LabelSet, Seen]]:
    """As `Sources.remember`: three statements however many rules there are. Raises django.db.Error."""
    known = KnownLabels.objects.filter(rule__in=list(present))
    if forget_before:
        known.filter(last_seen_at__lt=forget_before).delete()
    rows = [
        KnownLabels(
            rule_id=rule_id,
            fingerprint=_fingerprint(labels),
            labels=dict(labels),
            first_seen_at=now,
            last_seen_at=now,
        )
        for rule_id, seen in present.items()
        for labels in set(seen)
    ]
    KnownLabels.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["rule", "fingerprint"],
        update_fields=["last_seen_at"],
    )
    found: dict[int, dict[LabelSet, Seen]] = {rule_id: {} for rule_id in present}
    for rule_id, labels, first, last in known.values_list(
        "rule_id", "labels", "first_seen_at", "last_seen_at"
    ):
        found[rule_id][label_set(labels.items())] = Seen(first, last)
    return found


def _fingerprint(labels: LabelSet) -> str:
    return blake2b(msgspec.json.encode(labels), digest_size=16).hexdigest()

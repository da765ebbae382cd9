"""What alerting forgets: resolved alerts with their transitions and notifications."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q

from alerting.models import Alert, Status

BATCH_ROWS = 1_000


def delete_resolved(cutoff: datetime, project_ids: Sequence[int], exclude: bool) -> int:
    """Delete alerts resolved before the cutoff, of these projects or (`exclude`) of all others; returns how many."""
    expired = Alert.objects.filter(status=Status.RESOLVED, resolved_at__lt=cutoff)
    chosen = Q(project_id__in=project_ids)
    expired = expired.filter(~chosen if exclude else chosen)
    deleted = 0
    while batch := list(expired.values_list("pk", flat=True)[:BATCH_ROWS]):
        Alert.objects.filter(pk__in=batch).delete()
        deleted += len(batch)
    return deleted

"""What alerting forgets: resolved alerts with their transitions and notifications, and test messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from alerting.models import Alert, Notification, NotificationGroup, Status

BATCH_ROWS = 1_000


def expired(cutoff: datetime, project_ids: Sequence[int], exclude: bool) -> QuerySet[Alert]:
    """Alerts resolved before the cutoff, of these projects or (`exclude`) of all others."""
    return Alert.objects.filter(_whose(project_ids, exclude), status=Status.RESOLVED, resolved_at__lt=cutoff)


def _whose(project_ids: Sequence[int], exclude: bool) -> Q:
    chosen = Q(project_id__in=project_ids)
    return ~chosen if exclude else chosen


def delete_resolved(cutoff: datetime, project_ids: Sequence[int], exclude: bool) -> int:
    """Delete `expired` alerts with all that hangs on them; returns how many.

    Messages that belong to no alert (tests, maintenance) and groups go with them by their own age, not counted.
    """
    tests = Notification.objects.filter(
        _whose(project_ids, exclude), alert__isnull=True, created_at__lt=cutoff
    )
    _delete(tests)
    # A group that has not spoken since then begins anew, as it would have anyway.
    _delete(NotificationGroup.objects.filter(_whose(project_ids, exclude), next_flush_at__lt=cutoff))
    return _delete(expired(cutoff, project_ids, exclude))


def _delete(rows: QuerySet[Any]) -> int:
    """In batches: one statement for all would hold its locks for as long as it takes."""
    deleted = 0
    while batch := list(rows.values_list("pk", flat=True)[:BATCH_ROWS]):
        rows.model._default_manager.filter(pk__in=batch).delete()
        deleted += len(batch)
    return deleted

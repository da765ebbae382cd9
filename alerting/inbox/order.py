"""In which order alerts want to be read."""

from __future__ import annotations

from django.db.models import Case, QuerySet, Value, When

from alerting.models import Alert, Severity


def worst_first(alerts: QuerySet[Alert]) -> QuerySet[Alert]:
    """By severity, then newest: ordered where they are read, so that a limit cuts off the mildest."""
    ranks = [
        When(severity=severity, then=Value(rank)) for rank, severity in enumerate(reversed(Severity.values))
    ]
    return alerts.order_by(Case(*ranks, default=Value(len(ranks))), "-pending_since", "-id")

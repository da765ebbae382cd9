"""Forms of new rules about the points that analytics writes, filled in. By URL name: alerting stands above."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from django.urls import reverse

A_FIFTH = 0.2


def when_worse(
    project_id: int,
    name: str,
    metric: str,
    labels: Mapping[str, str],
    value: float | None,
    *,
    is_lower_better: bool = False,
    group_by: str = "",
    no_data: str = "",
) -> str:
    """A rule on a gauge whose points come each five minutes, a fifth worse than `value`; None leaves the limit open."""
    return _form(
        project_id,
        name=name,
        metric=metric,
        aggregation="last",
        operator=">" if is_lower_better else "<",
        threshold=f"{_limit(value, is_lower_better):.3g}" if value else "",
        # One of the points may be missing.
        time_window_minutes="15",
        filters="\n".join(f"{label}={text}" for label, text in labels.items()),
        group_by=group_by,
        no_data=no_data,
    )


def when_late(project_id: int, name: str, metric: str, target_minutes: float) -> str:
    """A rule on how long somebody on their way has been, at most; without a target its limit stays open."""
    return _form(
        project_id,
        name=name,
        metric=metric,
        aggregation="max",
        # Nobody on the way is nobody late.
        no_data="ok",
        threshold=f"{target_minutes:g}" if target_minutes else "",
    )


def _form(project_id: int, **given: str) -> str:
    """Empty texts are left out."""
    watched = {
        "project": str(project_id),
        "rule_type": "metric_threshold",
        "source_type": "system_metric",
        **{name: text for name, text in given.items() if text},
    }
    return f"{reverse('admin:alerting_rule_add')}?{urlencode(watched)}"


def _limit(value: float, is_lower_better: bool) -> float:
    loss = A_FIFTH * abs(value)
    return value + loss if is_lower_better else value - loss

"""Forms of new rules about the points that analytics writes, filled in. By URL name: alerting stands above."""

from __future__ import annotations

from urllib.parse import urlencode

from django.urls import reverse

FALL = 0.8
"""Of the ratio of now; a rule that fires below it fires when a fifth is lost."""


def when_falling(project_id: int, name: str, metric: str, label: str, ratio: float | None) -> str:
    """A rule on a ratio whose points come each five minutes; `label` is `name=value`. None: its limit stays open."""
    given = {
        "project": str(project_id),
        "rule_type": "metric_threshold",
        "source_type": "system_metric",
        "name": name,
        "metric": metric,
        "aggregation": "last",
        "operator": "<",
        "threshold": f"{ratio * FALL:.3g}" if ratio else "",
        # One of the points may be missing.
        "time_window_minutes": "15",
        "filters": label,
    }
    return f"{reverse('admin:alerting_rule_add')}?{urlencode({name: text for name, text in given.items() if text})}"

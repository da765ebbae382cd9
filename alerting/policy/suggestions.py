"""Matchers to choose from while a silence is written: by the project's rules, and the labels its alerts really have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from django.db.models import Q

from alerting.models import OPEN_STATUSES, Alert, Rule, Severity
from alerting.policy.matchers import Matcher, name_of
from projects.models import Project

RECENT = timedelta(days=7)
LOOKED_AT = 2_000
"""Newest alerts whose labels are offered: the answer comes while somebody types."""
MOST_RULES = 500
OFFERED = 12


def suggested(project: Project, typed: str, written: Sequence[str], now: datetime) -> list[str]:
    """Matchers that have what is `typed` in them and are not `written` yet, likeliest first. Two queries."""
    recent = Q(status__in=OPEN_STATUSES) | Q(pending_since__gte=now - RECENT)
    alerts = Alert.objects.filter(recent, project=project).order_by("-pending_since", "-id")
    rows = list(alerts.values_list("rule_name", "labels")[:LOOKED_AT])
    rules = Rule.objects.filter(project=project, deleted_at=None).order_by("name")
    return choose(rows, list(rules.values_list("name", flat=True)[:MOST_RULES]), typed, written)


def choose(
    alerts: Iterable[tuple[str, Mapping[str, Any]]],
    rules: Iterable[str],
    typed: str,
    written: Sequence[str],
) -> list[str]:
    """The pure part: rules that had alerts, their labels, other rules, severities; the most frequent first."""
    fired: Counter[Matcher] = Counter()
    labels: Counter[Matcher] = Counter()
    for rule_name, alert_labels in alerts:
        fired[Matcher("rule", "=", rule_name)] += 1
        labels.update(Matcher(name_of(name), "=", str(value)) for name, value in alert_labels.items())
    ordered = chain(
        _by_frequency(fired)[: OFFERED // 2] if not typed else _by_frequency(fired),
        _by_frequency(labels),
        (Matcher("rule", "=", name) for name in rules),
        (Matcher("severity", "=", name) for name in reversed(Severity.values)),
    )
    wanted = typed.casefold().strip()
    texts = (
        str(one) for one in dict.fromkeys(ordered) if wanted in f"{one} {one.name}={one.value}".casefold()
    )
    return [text for text in texts if text not in written][:OFFERED]


def _by_frequency(counted: Counter[Matcher]) -> list[Matcher]:
    return sorted(counted, key=lambda one: (-counted[one], str(one)))

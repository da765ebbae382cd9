"""Alerts of many rules: open and suppressed ones, and when they fired lately; one query each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection

from alerting.evaluation.arrays import array_text
from alerting.evaluation.decide import Firings, KnownAlert
from alerting.sources.samples import LabelSet, label_set
from alerting.state import FLAP_WINDOW, AlertState

_STATE = (
    "status",
    "pending_since",
    "last_evaluated_at",
    "value",
    "peak_value",
    "is_critical",
    "triggered_at",
    "flapping_since",
    "keep_firing_since",
    "resolved_at",
    "suppressed_until",
)
_ALERTS = f"""
    SELECT rule_id, id, labels::text, {", ".join(_STATE)}
    FROM alerting_alert
    WHERE rule_id = ANY(%(ids)s::bigint[])
          AND (status IN ('pending', 'firing', 'acknowledged') OR suppressed_until > %(now)s)
    ORDER BY id
"""


# An episode that was pending for longer than the window before it fired is none of many within it.
_FIRINGS = """
    SELECT rule_id, labels::text, triggered_at FROM alerting_alert
    WHERE rule_id = ANY(%(ids)s) AND pending_since > %(start)s - %(window)s AND triggered_at > %(start)s
"""


def recent_firings(rule_ids: Sequence[int], now: datetime) -> Firings:
    """When label sets of these rules fired in the last 30 minutes."""
    found: dict[tuple[int, LabelSet], list[datetime]] = defaultdict(list)
    parameters: dict[str, Any] = {"ids": list(rule_ids), "start": now - FLAP_WINDOW, "window": FLAP_WINDOW}
    with connection.cursor() as cursor:
        cursor.execute(_FIRINGS, parameters)
        for rule_id, labels, triggered_at in cursor.fetchall():
            found[rule_id, label_set(msgspec.json.decode(labels).items())].append(triggered_at)
    return found


def alerts_of(rule_ids: Sequence[int], now: datetime, *, lock: bool = False) -> dict[int, list[KnownAlert]]:
    """Open alerts, and those whose resolve by hand still suppresses, by rule id. A label set has one of them.

    `lock` holds them (in the order of their ids, so that two processes never wait for each other in a ring) until
    the end of the transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ALERTS + ("FOR UPDATE" if lock else ""), {"ids": array_text(rule_ids), "now": now})
        rows = cursor.fetchall()
    found: dict[int, list[KnownAlert]] = defaultdict(list)
    for rule_id, alert_id, labels, *values in rows:
        state = AlertState(**dict(zip(_STATE, values, strict=True)))
        found[rule_id].append(KnownAlert(alert_id, label_set(msgspec.json.decode(labels).items()), state))
    return found

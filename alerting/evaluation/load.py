"""Open and suppressed alerts of many rules in one query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec
from django.db import connection

from alerting.evaluation.decide import KnownAlert
from alerting.sources.samples import label_set
from alerting.state import AlertState

_STATE = (
    "status",
    "pending_since",
    "last_evaluated_at",
    "value",
    "peak_value",
    "triggered_at",
    "keep_firing_since",
    "resolved_at",
    "suppressed_until",
)
_ALERTS = f"""
    SELECT rule_id, id, labels::text, {", ".join(_STATE)}
    FROM alerting_alert
    WHERE rule_id = ANY(%s) AND (status IN ('pending', 'firing', 'acknowledged') OR suppressed_until IS NOT NULL)
    ORDER BY id
"""


def alerts_of(rule_ids: Sequence[int], *, lock: bool = False) -> dict[int, list[KnownAlert]]:
    """Alerts by rule id, suppressed ones first: where a label set has both, the open one counts.

    `lock` holds them (in the order of their ids, so that two processes never wait for each other in a ring) until
    the end of the transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ALERTS + ("FOR UPDATE" if lock else ""), [list(rule_ids)])
        rows = cursor.fetchall()
    found: dict[int, list[KnownAlert]] = defaultdict(list)
    for rule_id, alert_id, labels, *values in sorted(rows, key=lambda row: row[3] != "resolved"):
        state = AlertState(**dict(zip(_STATE, values, strict=True)))
        found[rule_id].append(KnownAlert(alert_id, label_set(msgspec.json.decode(labels).items()), state))
    return found

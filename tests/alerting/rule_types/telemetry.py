"""Rules of any type by API, and spans for them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from alerting.models import Rule
from tests.analytics.matchers.strategies import MATCHERS
from tests.clients import ProjectClient, counts

RULE_MATCHERS = MATCHERS.filter(
    lambda matcher: (
        "event_type" not in matcher
        or (matcher["event_type"] != "" and "event_type" not in matcher["filters"])
    )
)
"""Rules refuse a column that is given twice, and take an empty name of the condition itself for none."""


def make(
    api: ProjectClient, rule_type: str, source: str, condition: Mapping[str, Any], **changes: Any
) -> Rule:
    answer = api.post("/api/v1/alert-rules/", _body(rule_type, source, condition) | changes)
    assert answer.status_code == 201, answer.content
    return Rule.objects.get(pk=answer.json()["id"])


def refused(api: ProjectClient, rule_type: str, source: str, condition: Mapping[str, Any]) -> dict[str, Any]:
    """What the API says is wrong with the condition, by key."""
    answer = api.post("/api/v1/alert-rules/", _body(rule_type, source, condition))
    assert answer.status_code == 400, answer.content
    errors: dict[str, Any] = answer.json()["errors"]["condition_config"]
    return errors


def _body(rule_type: str, source: str, condition: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": rule_type,
        "rule_type": rule_type,
        "source_type": source,
        "condition_config": dict(condition),
    }


def send_spans(api: ProjectClient, count: int, at: datetime, **fields: Any) -> None:
    """Spans of one service that start at this time."""
    spans = [
        {
            "trace_id": uuid.uuid4().hex,
            "span_id": uuid.uuid4().hex[:16],
            "service_name": "checkout",
            "operation_name": "pay",
            "start_time": at.isoformat(),
            "duration_ms": 20,
            **fields,
        }
        for _ in range(count)
    ]
    assert counts(api.post("/api/v1/traces", {"spans": spans})) == (count, 0, 0)

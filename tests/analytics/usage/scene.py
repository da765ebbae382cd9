"""Usage over weeks: events sent in parts, some of them rolled up, some late, some fresh."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from events.rollups import EVENT_ROLLUP
from storage.rollups import engine
from tests.clients import ProjectClient, counts
from tests.rolled_up import begin_rollups_now

NOW = datetime.now(UTC)
MONDAY = (NOW - timedelta(days=NOW.weekday() + 28)).replace(hour=0, minute=0, second=0, microsecond=0)
"""Four weeks before this week's."""


def send(api: ProjectClient, events: Sequence[dict[str, Any]]) -> None:
    """Events with `timestamp` as a datetime; all but those of this hour are late, as on a platform of some age."""
    if events:
        begin_rollups_now()
        made = [{**event, "timestamp": event["timestamp"].isoformat()} for event in events]
        assert counts(api.post("/api/v1/events", {"events": made}))[2] == 0


def roll_up(api: ProjectClient) -> None:
    """What was sent so far, but for the last minutes, is read from trails after this."""
    engine.advance(EVENT_ROLLUP, datetime.now(UTC), lambda: [api.project.pk])
    assert engine.recompute(EVENT_ROLLUP)


def seen(day: int, user_id: str | None, event_name: str = "opened", **others: Any) -> dict[str, Any]:
    """An event on the n-th day after MONDAY, at noon."""
    return {
        "event_name": event_name,
        "timestamp": MONDAY + timedelta(days=day, hours=12),
        "user_id": user_id,
        **others,
    }


def ask(api: ProjectClient, what: str, **query: Any) -> dict[str, Any]:
    answer = api.get(f"/api/v1/analytics/{what}/?{urlencode(query)}")
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def weeks(count: int) -> dict[str, str]:
    """The query of so many weeks from MONDAY on."""
    return {"start": MONDAY.isoformat(), "end": (MONDAY + timedelta(weeks=count)).isoformat()}

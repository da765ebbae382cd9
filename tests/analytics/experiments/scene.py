"""An experiment and people in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.clients import ProjectClient, counts

EXPERIMENTS = "/api/v1/analytics/experiments/"
START = (datetime.now(UTC) - timedelta(days=3)).replace(hour=12, minute=0, second=0, microsecond=0)

PAID = {"key": "paid", "name": "Orders paid", "matcher": {"event_name": "order_paid"}}
REVENUE = {"key": "revenue", "name": "Revenue", "kind": "total", "column": "properties.amount"} | {
    "matcher": PAID["matcher"]
}


def make_experiment(api: ProjectClient, *metrics: dict[str, Any], **fields: Any) -> dict[str, Any]:
    body = {
        "slug": "checkout",
        "name": "Green button",
        "starts_at": START.isoformat(),
        "metrics": metrics or [PAID],
        **fields,
    }
    answer = api.post(EXPERIMENTS, body)
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def seen(person: str, variant: str, minutes: float = 0, **fields: Any) -> dict[str, Any]:
    """An exposure, so many minutes after START."""
    properties = {"experiment": "checkout", "variant": variant}
    return event(person, "experiment_viewed", minutes, properties=properties, **fields)


def paid(person: str, minutes: float = 1, amount: Any = None, **fields: Any) -> dict[str, Any]:
    return event(person, "order_paid", minutes, **fields, properties={"amount": amount})


def event(person: str, name: str, minutes: float, **fields: Any) -> dict[str, Any]:
    at = START + timedelta(minutes=minutes)
    return {"event_name": name, "user_id": person, "timestamp": at.isoformat(), **fields}


def group(variant: str, people: int, converted: int) -> list[dict[str, Any]]:
    """So many people who saw a variant, and the first of them paid."""
    names = [f"{variant}-{number}" for number in range(people)]
    return [*(seen(name, variant) for name in names), *(paid(name, 5, 10) for name in names[:converted])]


def send(api: ProjectClient, *events: dict[str, Any]) -> None:
    assert counts(api.post("/api/v1/events", {"events": list(events)})) == (len(events), 0, 0)


def ask(api: ProjectClient, query: str = "") -> dict[str, Any]:
    answer = api.get(f"{EXPERIMENTS}checkout/{query}")
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def rows(answer: dict[str, Any], metric: int = 0) -> dict[str, dict[str, Any]]:
    """Figures of one metric by variant."""
    return {row["variant"]: row for row in answer["metrics"][metric]["variants"]}


def codes(answer: dict[str, Any]) -> list[str]:
    return [one["code"] for one in answer["warnings"]]

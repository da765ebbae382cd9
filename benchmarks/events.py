"""Events as a web shop's servers would send them, and the rows they become."""

from __future__ import annotations

import json
import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from benchmarks.load import request_bytes
from events.records import EVENTS, EventRecord, prepare
from storage.records import Bounds, Row

TABLE = EVENTS
PATH = "/api/v1/events"
_SPACING = timedelta(microseconds=50)
_NAMES = ("page_viewed", "product_viewed", "cart_updated", "checkout_started", "order_paid", "search_done")


def make_events(seed: int, count: int) -> list[dict[str, Any]]:
    """Events of this minute with an id and a time of their own, about 500 bytes each as JSON.

    As young as clients' are: older ones would be late for the roll-ups and be added up twice.
    """
    source = random.Random(seed)
    begins_at = datetime.now(UTC)
    return [_event(source, begins_at + index * _SPACING) for index in range(count)]


def _event(source: random.Random, moment: datetime) -> dict[str, Any]:
    user = source.randrange(100_000)
    return {
        "id": str(uuid.UUID(int=source.getrandbits(128), version=4)),
        "timestamp": moment.isoformat(timespec="milliseconds"),
        "event_name": source.choice(_NAMES),
        "event_type": "user_action",
        "event_category": "shop",
        "user_id": f"user-{user}",
        "session_id": f"session-{user}-{source.randrange(10)}",
        "source": "web",
        "duration_ms": round(source.expovariate(1 / 80), 1),
        "tags": {"env": "production", "region": source.choice(("eu", "us")), "version": "4.2.1"},
        "properties": {
            "product_id": f"sku-{source.randrange(5000)}",
            "amount": round(source.uniform(1, 500), 2),
            "currency": "EUR",
            "page": f"/products/{source.randrange(5000)}",
            "referrer": "https://www.example.com/campaigns/autumn",
        },
    }


def body_of(events: list[dict[str, Any]]) -> bytes:
    return json.dumps({"events": events}, separators=(",", ":")).encode()


def batch_requests(seed: int, batch_count: int, batch_size: int) -> list[bytes]:
    """Requests of so many events each."""
    events = make_events(seed, batch_count * batch_size)
    starts = range(0, len(events), batch_size)
    return [request_bytes(PATH, body_of(events[start : start + batch_size])) for start in starts]


def single_requests(seed: int, count: int, path: str = PATH) -> list[bytes]:
    """Requests of one event each."""
    return [request_bytes(path, json.dumps(event).encode()) for event in make_events(seed, count)]


def rows_of(seed: int, count: int, project_id: int) -> list[Row]:
    """The tuples that the platform would store for these events, ready for COPY."""
    records = msgspec.convert(make_events(seed, count), list[EventRecord])
    now = datetime.now(UTC)
    bounds = Bounds(project_id, now, now - timedelta(days=90), now + timedelta(hours=1))
    write, errors = prepare(enumerate(records), bounds)
    assert not errors
    return write.rows

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingest.protocols.cloudevents.wire import BATCHED, STRUCTURED
from tests.clients import ProjectClient

EVENTS = "/api/v1/events"
MOMENT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


def event(**members: Any) -> dict[str, Any]:
    """A valid CloudEvent; a member that is `...` is left out."""
    whole = {"specversion": "1.0", "id": "a-1", "source": "/shop", "type": "com.example.paid", **members}
    return {name: value for name, value in whole.items() if value is not ...}


class Sender:
    """Sends CloudEvents in each mode and reads back what was stored."""

    def __init__(self, api: ProjectClient) -> None:
        self.api = api

    def structured(self, event: Any, content_type: str = STRUCTURED, path: str = EVENTS) -> Any:
        return self.api.post(path, event, CONTENT_TYPE=content_type)

    def batch(self, events: Any, content_type: str = BATCHED) -> Any:
        return self.api.post(EVENTS, events, CONTENT_TYPE=content_type)

    def binary(
        self, headers: dict[str, str], body: bytes = b"", content_type: str = "application/json"
    ) -> Any:
        """`headers` without `ce-`; those that aren't given are of a valid CloudEvent, '...' leaves one out."""
        whole = {"specversion": "1.0", "id": "a-1", "source": "/shop", "type": "com.example.paid", **headers}
        sent = {f"HTTP_CE_{name.upper()}": value for name, value in whole.items() if value != "..."}
        return self.api.send("POST", EVENTS, body, CONTENT_TYPE=content_type, **sent)

    def stored(self) -> list[dict[str, Any]]:
        """Newest first."""
        return self.api.results(EVENTS)

    def only(self) -> dict[str, Any]:
        (row,) = self.stored()
        return row


@pytest.fixture
def sender(api: ProjectClient) -> Sender:
    return Sender(api)

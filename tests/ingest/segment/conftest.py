from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clients import ProjectClient

EVENTS = "/api/v1/events"
MOMENT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


def call(kind: str = "track", **members: Any) -> dict[str, Any]:
    """A valid call; a member that is `...` is left out."""
    own: dict[str, dict[str, Any]] = {
        "track": {"event": "Paid"},
        "group": {"groupId": "acme"},
        "alias": {"previousId": "before"},
    }
    whole = {"type": kind, "userId": "ana", "messageId": str(uuid.uuid4()), **own.get(kind, {}), **members}
    return {name: value for name, value in whole.items() if value is not ...}


class Sender:
    """Sends calls as Segment's libraries do, and reads back what was stored."""

    def __init__(self, api: ProjectClient) -> None:
        self.api = api

    def call(self, kind: str = "track", **members: Any) -> Any:
        """To the path of its kind."""
        return self.api.post(f"/v1/{kind}", call(kind, **members))

    def batch(self, *calls: Any, **members: Any) -> Any:
        return self.api.post("/v1/batch", {"batch": list(calls), **members})

    def stored(self) -> list[dict[str, Any]]:
        """Newest first."""
        return self.api.results(EVENTS)

    def only(self) -> dict[str, Any]:
        (row,) = self.stored()
        return row


@pytest.fixture
def sender(api: ProjectClient) -> Sender:
    return Sender(api)


def rejected(answer: Any) -> list[tuple[int, str, str]]:
    """(index, field, code) of each rejected call of an answer that says 200 all the same."""
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert body["success"] is True
    places = [(error["index"], error["field"], error["code"]) for error in body.get("errors", [])]
    assert body.get("rejected", 0) == len(places) + body.get("errors_truncated", 0)
    return places

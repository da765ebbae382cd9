"""Segment's Python library against the running platform: what it sent is read back field by field."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from segment.analytics.client import Client
from segment.analytics.request import APIError
from segment.analytics.version import VERSION

from tests.acceptance.conftest import KEY, World

pytestmark = [
    pytest.mark.xdist_group("acceptance"),
    pytest.mark.parametrize("world", ["embedded"], indirect=True),
]

# The library knows milliseconds.
MOMENT = datetime.now(UTC).replace(microsecond=123_000) - timedelta(minutes=5)
LIBRARY = {"context.library.name": "analytics-python", "context.library.version": VERSION}


@pytest.fixture(params=[False, True], ids=["plain", "gzip"])
def library(world: World, request: pytest.FixtureRequest) -> Iterator[Client]:
    """Sends in the background, as in production; its failures are the test's."""
    failed: list[Exception] = []
    client = Client(
        KEY,
        host=world.platform.url,
        gzip=request.param,
        max_retries=1,
        on_error=lambda error, items: failed.append(error),
    )
    yield client
    client.shutdown()
    assert failed == []


def only(world: World, user: str, event_type: str) -> dict[str, Any]:
    """What is set of the one event of this user and type."""
    (row,) = world.get(f"/api/v1/events/?user_id={user}&event_type={event_type}")["results"]
    return {name: value for name, value in row.items() if value not in (None, "") and name != "received_at"}


def expected(message: dict[str, Any], **columns: Any) -> dict[str, Any]:
    common = {
        "id": message["messageId"],
        "timestamp": MOMENT.isoformat().replace("+00:00", "Z"),
        "event_type": message["type"],
        "user_id": message["userId"],
        "source": "analytics-python",
        "tags": LIBRARY,
        "properties": {},
    }
    return {**common, **columns}


def test_every_call_of_the_library_is_read_back(world: World, library: Client) -> None:
    user, device = f"ana-{uuid.uuid4().hex[:8]}", f"device-{uuid.uuid4().hex[:8]}"
    context = {"ip": "192.0.2.7", "userAgent": "shop/1", "page": {"url": "https://shop.example.com/"}}
    sent = {"timestamp": MOMENT}
    _, tracked = library.track(user, "Paid", {"total": 5}, context, anonymous_id=device, **sent)
    _, identified = library.identify(user, {"plan": "pro"}, anonymous_id=device, **sent)
    _, page = library.page(user, "Docs", "Home", {"path": "/"}, integrations={"Slack": True}, **sent)
    _, screen = library.screen(user, None, "Cart", **sent)
    _, group = library.group(user, "acme", {"size": 5}, **sent)
    _, alias = library.alias(f"old-{user}", user, **sent)
    library.flush()
    assert only(world, user, "track") == expected(
        tracked,
        event_name="Paid",
        anonymous_id=device,
        source_ip="192.0.2.7",
        user_agent="shop/1",
        tags={**LIBRARY, "context.page.url": "https://shop.example.com/"},
        properties={"total": 5},
    )
    assert only(world, user, "identify") == expected(
        identified, event_name="identify", anonymous_id=device, properties={"plan": "pro"}
    )
    assert only(world, user, "page") == expected(
        page,
        event_name="Home",
        event_category="Docs",
        tags={**LIBRARY, "integrations": {"Slack": True}},
        properties={"path": "/"},
    )
    assert only(world, user, "screen") == expected(screen, event_name="Cart")
    assert only(world, user, "group") == expected(
        group, event_name="group", tenant_id="acme", properties={"size": 5}
    )
    assert only(world, user, "alias") == expected(
        alias, event_name="alias", tags={**LIBRARY, "previousId": f"old-{user}"}
    )


def test_what_was_sent_before_and_after_logging_in_is_one_person(world: World, library: Client) -> None:
    user, device = f"bob-{uuid.uuid4().hex[:8]}", f"device-{uuid.uuid4().hex[:8]}"
    library.track(anonymous_id=device, event="visited")
    library.identify(user, anonymous_id=device)
    library.alias(f"mail-{user}", user)
    library.track(f"mail-{user}", "paid")
    library.flush()
    for one in (user, device, f"mail-{user}"):
        rows = world.get(f"/api/v1/events/?person={one}")["results"]
        assert {row["event_name"] for row in rows} == {"visited", "identify", "alias", "paid"}


def test_a_wrong_key_is_an_error_of_the_library(world: World) -> None:
    client = Client("unknown-key", host=world.platform.url, sync_mode=True)
    with pytest.raises(APIError) as caught:
        client.track("ana", "Paid")
    assert (caught.value.status, caught.value.code) == (401, "invalid_key")


def browser_call(world: World, path: str, body: dict[str, Any]) -> int:
    """As analytics.js sends: text/plain to the first letter of the call, the key in the body."""
    data = json.dumps({**body, "writeKey": KEY}).encode()
    sent = urllib.request.Request(world.platform.url + path, data, {"Content-Type": "text/plain"})
    with urllib.request.urlopen(sent, timeout=10) as answer:
        assert json.load(answer) == {"success": True}
        return int(answer.status)


def test_calls_as_browsers_send_them_are_read_back(world: World) -> None:
    user = f"eva-{uuid.uuid4().hex[:8]}"
    call = {"type": "page", "name": "Home", "userId": user, "messageId": f"ajs-{user}", "sentAt": now_text()}
    assert browser_call(world, "/v1/p", call) == 200
    assert browser_call(world, "/v1/b", {"batch": [call], "sentAt": now_text()}) == 200
    assert only(world, user, "page")["id"] == f"ajs-{user}"


def now_text() -> str:
    return datetime.now(UTC).isoformat()

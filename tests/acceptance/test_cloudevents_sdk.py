"""The SDK of the CloudEvents project against the running platform, in all three modes, read back field by field."""

from __future__ import annotations

import urllib.request
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from tests.acceptance.conftest import KEY, World

pytestmark = [
    pytest.mark.xdist_group("acceptance"),
    pytest.mark.parametrize("world", ["embedded"], indirect=True),
]


def deliver(world: World, message: HTTPMessage) -> int:
    headers = {**message.headers, "Authorization": f"Bearer {KEY}"}
    sent = urllib.request.Request(f"{world.platform.url}/api/v1/events", message.body, headers)
    with urllib.request.urlopen(sent, timeout=10) as answer:
        return int(answer.status)


def as_batch(event: CloudEvent) -> HTTPMessage:
    """The SDK has no batches; one is a list of what it makes of single events."""
    body = b"[" + to_structured_event(event).body + b"]"
    return HTTPMessage({"Content-Type": "application/cloudevents-batch+json; charset=UTF-8"}, body)


DATAS: list[tuple[str, Any, dict[str, Any]]] = [
    ("application/json", {"total": 5, "what": "sn\u00f6w"}, {"total": 5, "what": "sn\u00f6w"}),
    ("application/json", "a text", {"data": "a text"}),
    ("text/plain", "sn\u00f6w \U0001f600", {"data": "sn\u00f6w \U0001f600"}),
    ("application/octet-stream", b"\x00\xff", {"data_base64": "AP8="}),
]


@pytest.mark.parametrize("encode", [to_structured_event, as_batch, to_binary_event])
@pytest.mark.parametrize(("content_type", "data", "properties"), DATAS)
def test_an_event_of_the_sdk_is_read_back(
    world: World,
    encode: Callable[[CloudEvent], HTTPMessage],
    content_type: str,
    data: Any,
    properties: dict[str, Any],
) -> None:
    trace, span = uuid.uuid4().hex, uuid.uuid4().hex[:16]
    moment = datetime.now(UTC)
    identifier = str(uuid.uuid4())
    event = CloudEvent(
        {
            "id": identifier,
            "type": "com.example.paid",
            "source": "https://shop.example.com/tills/7",
            "subject": "user:an\u00e4",
            "time": moment,
            "datacontenttype": content_type,
            "dataschema": "https://shop.example.com/paid.json",
            "region": 'eu "west" 100%',
            "traceparent": f"00-{trace}-{span}-01",
        },
        data,
    )
    assert [deliver(world, encode(event)) for _ in range(2)] == [200, 200]
    (row,) = world.get(f"/api/v1/events/?trace_id={trace}")["results"]
    received_at = row.pop("received_at")
    assert datetime.fromisoformat(received_at) >= moment
    assert datetime.fromisoformat(row.pop("timestamp")) == moment
    assert {name: value for name, value in row.items() if value not in (None, "")} == {
        "id": identifier,
        "event_name": "com.example.paid",
        "event_type": "cloudevent",
        "source": "https://shop.example.com/tills/7",
        "user_id": "an\u00e4",
        "trace_id": trace,
        "span_id": span,
        "tags": {
            "subject": "user:an\u00e4",
            "datacontenttype": content_type,
            "dataschema": "https://shop.example.com/paid.json",
            "region": 'eu "west" 100%',
            "traceparent": f"00-{trace}-{span}-01",
        },
        "properties": properties,
    }
    assert world.get(f"/api/v1/events/{identifier}/")["trace_id"] == trace

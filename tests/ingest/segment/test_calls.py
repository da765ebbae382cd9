"""What becomes of a call of Segment's spec: S7, S8 and S10 to S14 of the checklist."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingest import pipeline
from ingest.protocols.base import Head
from ingest.protocols.segment.wire import SEGMENT
from storage.records import Outcome
from tests.ingest.segment.conftest import EVENTS, MOMENT, Sender, call, rejected


def test_a_track_call_is_an_event_field_by_field(sender: Sender) -> None:
    context = {
        "library": {"name": "analytics.js", "version": "2.1"},
        "ip": "192.0.2.7",
        "userAgent": "Mozilla/5.0",
        "sessionId": 17,
        "groupId": "acme",
        "page": {"url": "https://shop.example.com/", "path": "/"},
        "traits": {"plan": "pro"},
        "screen": {},
    }
    sender.call(
        event="Paid",
        anonymousId="device-1",
        messageId="ajs-1",
        timestamp=MOMENT.isoformat(),
        properties={"total": 5},
        context=context,
        integrations={"All": True},
        channel="web",
    )
    row = sender.only()
    assert (row["event_name"], row["event_type"], row["id"]) == ("Paid", "track", "ajs-1")
    assert datetime.fromisoformat(row["timestamp"]) == MOMENT
    assert (row["user_id"], row["anonymous_id"], row["session_id"]) == ("ana", "device-1", "17")
    assert (row["tenant_id"], row["source"]) == ("acme", "analytics.js")
    assert (row["source_ip"], row["user_agent"]) == ("192.0.2.7", "Mozilla/5.0")
    assert row["properties"] == {"total": 5}
    assert row["tags"] == {
        "integrations": {"All": True},
        "channel": "web",
        "context.library.name": "analytics.js",
        "context.library.version": "2.1",
        "context.page.url": "https://shop.example.com/",
        "context.page.path": "/",
        "context.traits.plan": "pro",
    }
    assert len(sender.api.results(f"{EVENTS}/?tags.context.page.path=/&properties.total=5")) == 1


@pytest.mark.parametrize(
    ("kind", "members", "named", "properties"),
    [
        ("identify", {"traits": {"email": "a@example.com"}}, ("identify", ""), {"email": "a@example.com"}),
        ("page", {"name": "Home", "category": "Docs", "properties": {"a": 1}}, ("Home", "Docs"), {"a": 1}),
        ("page", {}, ("page", ""), {}),
        ("screen", {"name": "Cart"}, ("Cart", ""), {}),
        ("screen", {"name": None}, ("screen", ""), {}),
        ("group", {"traits": {"size": 5}}, ("group", ""), {"size": 5}),
        ("alias", {}, ("alias", ""), {}),
    ],
)
def test_every_call_is_an_event_of_its_type(
    sender: Sender, kind: str, members: dict[str, Any], named: tuple[str, str], properties: dict[str, Any]
) -> None:
    assert rejected(sender.call(kind, **members)) == []
    row = sender.only()
    assert (row["event_type"], (row["event_name"], row["event_category"])) == (kind, named)
    assert (row["properties"], row["user_id"]) == (properties, "ana")


def test_a_group_is_the_tenant_and_an_alias_keeps_the_id_before(sender: Sender) -> None:
    sender.call("group", groupId=7)
    sender.call("alias", previousId="device-1")
    alias, group = sender.stored()
    assert (group["tenant_id"], alias["tags"]) == ("7", {"previousId": "device-1"})


@pytest.mark.parametrize("kind", ["track", "identify", "page", "screen", "group"])
def test_s7_nobody_is_an_error_that_is_answered_200(sender: Sender, kind: str) -> None:
    for nobody in (..., None, ""):
        assert rejected(sender.call(kind, userId=nobody)) == [(0, "userId", "no_user_anon_id")]
    assert rejected(sender.call(kind, userId=..., anonymousId="device-1")) == []


@pytest.mark.parametrize("event", [..., None, "", 5, {}])
def test_s8_a_track_call_without_event_is_rejected(sender: Sender, event: Any) -> None:
    ((_, field, _),) = rejected(sender.call(event=event))
    assert field == "event"
    assert sender.stored() == []


@pytest.mark.parametrize("kind", [..., None, "", "pageview", "TRACK", 5, ["track"]])
def test_s8_an_item_without_a_valid_type_is_rejected_alone(sender: Sender, kind: Any) -> None:
    answer = sender.batch(call(), call(type=kind), call())
    assert rejected(answer) == [(1, "type", "invalid")]
    assert len(sender.stored()) == 2


@pytest.mark.parametrize(
    ("kind", "members", "field", "code"),
    [
        ("alias", {"previousId": ...}, "previousId", "required"),
        ("alias", {"userId": ..., "anonymousId": "a"}, "userId", "required"),
        ("group", {"groupId": ...}, "groupId", "required"),
        ("track", {"userId": "x" * 201}, "userId", "too_long"),
        ("track", {"userId": True}, "userId", "invalid"),
        ("track", {"anonymousId": {"a": 1}}, "anonymousId", "invalid"),
        ("track", {"messageId": "x" * 201}, "messageId", "too_long"),
        ("track", {"timestamp": "lunchtime"}, "timestamp", "invalid"),
        ("track", {"timestamp": 1e30}, "timestamp", "invalid"),
        ("track", {"timestamp": True}, "timestamp", "invalid"),
        ("track", {"timestamp": "2001-01-01T00:00:00Z"}, "timestamp", "too_old"),
        ("track", {"properties": [1]}, "properties", "invalid"),
        ("track", {"properties": {"a": "b\0c"}}, "properties", "nul"),
        ("track", {"context": "web"}, "context", "invalid"),
        ("identify", {"traits": "pro"}, "traits", "invalid"),
        ("page", {"name": 5}, "name", "invalid"),
    ],
)
def test_what_is_wrong_with_a_call_is_named(
    sender: Sender, kind: str, members: dict[str, Any], field: str, code: str
) -> None:
    assert rejected(sender.call(kind, **members)) == [(0, field, code)]
    assert sender.stored() == []


def test_what_has_no_place_in_a_column_stays_a_tag(sender: Sender) -> None:
    context = {"ip": "unknown", "sessionId": [1], "groupId": True, "userAgent": 5, "library": 7}
    sender.call(event="e" * 300, context=context)
    row = sender.only()
    assert (row["source_ip"], row["session_id"], row["tenant_id"], row["source"]) == (None,) * 4
    assert row["event_name"] == "e" * 199 + "\u2026"
    assert row["tags"] == {
        "event": "e" * 300,
        **{f"context.{name}": value for name, value in context.items()},
    }


def test_a_write_key_is_never_stored(sender: Sender) -> None:
    sender.call(writeKey=sender.api.key)
    sender.batch(call(writeKey=sender.api.key), writeKey=sender.api.key)
    assert all(sender.api.key not in str(row) for row in sender.stored())


def test_s10_the_same_message_is_stored_once(sender: Sender) -> None:
    for timestamp in (..., MOMENT.isoformat()):
        for _ in range(2):
            assert rejected(sender.call(messageId=f"ajs {timestamp}", timestamp=timestamp)) == []
    assert len(sender.stored()) == 2


def test_s10_a_retry_from_a_wrong_clock_is_stored_once(sender: Sender) -> None:
    """Each try has another delay, and so would be set to another time."""
    clock = datetime.now(UTC) - timedelta(days=3)
    for delay in range(3):
        sent_at = (clock + timedelta(seconds=delay)).isoformat()
        sender.batch(call(messageId="ajs-1", timestamp=clock.isoformat()), sentAt=sent_at)
    assert len(sender.stored()) == 1


@pytest.mark.parametrize("delays", [(0, 66), (66, 0), (0, 1, 59, 61, 3600)])
def test_s10_a_finished_body_that_is_sent_again_later_is_stored_once(
    sender: Sender, delays: tuple[int, ...]
) -> None:
    """Past a delay that passes for a wrong clock the try is set to another time."""
    sent_at = datetime.now(UTC) - timedelta(hours=2)
    sent = {"batch": [call(messageId="ajs-1", timestamp=sent_at.isoformat())], "sentAt": sent_at.isoformat()}
    told = [
        received(sender, json.dumps(sent).encode(), sent_at + timedelta(seconds=delay)) for delay in delays
    ]
    assert [(one.inserted, one.duplicates) for one in told] == [(1, 0)] + [(0, 1)] * (len(delays) - 1)
    assert sender.only()["id"] == "ajs-1"


def test_s10_a_message_with_another_time_is_the_same_message(sender: Sender) -> None:
    for minutes in range(2):
        timestamp = (MOMENT + timedelta(minutes=minutes)).isoformat()
        sender.batch(call(messageId="ajs-1", timestamp=timestamp), sentAt=datetime.now(UTC).isoformat())
    assert datetime.fromisoformat(sender.only()["timestamp"]) == MOMENT


def received(sender: Sender, body: bytes, at: datetime) -> Outcome:
    """What becomes of a body that arrives at this time."""
    batch = SEGMENT.decode(body, Head(path="/v1/batch"))
    prepared = pipeline.prepare(batch, sender.api.project.pk, at)
    _, outcome = pipeline.store(prepared, SEGMENT.answer)
    return outcome


def test_s11_what_a_batch_has_in_common_is_merged_and_the_item_wins(sender: Sender) -> None:
    own = {"ip": "192.0.2.8", "os": {"name": "iOS"}}
    sender.batch(
        call(event="own", context=own, integrations={"All": False}),
        call(event="none", context=None),
        context={"ip": "192.0.2.7", "app": {"name": "shop"}, "os": {"name": "web", "version": "1"}},
        integrations={"All": True, "Slack": True},
    )
    rows = {row["event_name"]: row for row in sender.stored()}
    assert (rows["own"]["source_ip"], rows["none"]["source_ip"]) == ("192.0.2.8", "192.0.2.7")
    assert rows["own"]["tags"] == {
        "context.app.name": "shop",
        "context.os.name": "iOS",
        "integrations": {"All": False, "Slack": True},
    }
    assert rows["none"]["tags"]["context.os.name"] == "web"


def test_s12_a_call_without_time_has_the_servers_and_a_given_time_is_history(sender: Sender) -> None:
    before = datetime.now(UTC)
    sender.batch(call(event="now"), call(event="then", timestamp=MOMENT.isoformat()))
    sender.batch(call(event="original", originalTimestamp=(MOMENT - timedelta(hours=1)).isoformat()))
    now, then, original = sender.stored()
    assert datetime.fromisoformat(now["timestamp"]) >= before
    assert datetime.fromisoformat(then["timestamp"]) == MOMENT
    assert datetime.fromisoformat(original["timestamp"]) == MOMENT - timedelta(hours=1)


@pytest.mark.parametrize("days", [-2000, -1, 1])
def test_a_wrong_clock_is_set_right_by_the_time_of_sending(sender: Sender, days: int) -> None:
    clock = datetime.now(UTC) + timedelta(days=days)
    happened = clock - timedelta(hours=1)
    sender.batch(call(timestamp=happened.isoformat()), sentAt=clock.isoformat())
    row = sender.only()
    right = datetime.now(UTC) - timedelta(hours=1)
    assert abs(datetime.fromisoformat(row["timestamp"]) - right) < timedelta(seconds=30)
    assert datetime.fromisoformat(row["tags"]["original_timestamp"]) == happened


@pytest.mark.parametrize("sent_at", [None, "", "lunchtime", True, {}])
def test_a_clock_that_is_right_or_unknown_changes_no_time(sender: Sender, sent_at: Any) -> None:
    sender.batch(call(timestamp=MOMENT.isoformat()), sentAt=sent_at or datetime.now(UTC).isoformat())
    row = sender.only()
    assert (datetime.fromisoformat(row["timestamp"]), row["tags"]) == (MOMENT, {})


@pytest.mark.parametrize(
    ("context", "address"),
    [
        ({"direct": True}, "127.0.0.1"),
        ({"direct": True, "ip": "192.0.2.7"}, "192.0.2.7"),
        ({"direct": False}, None),
        ({"direct": "true"}, None),
        ({}, None),
    ],
)
def test_s13_the_clients_address_is_kept_only_where_the_call_is_direct(
    sender: Sender, context: dict[str, Any], address: str | None
) -> None:
    sender.call(context=context)
    assert sender.only()["source_ip"] == address


def test_s14_an_alias_merges_what_was_sent_before_and_after(sender: Sender) -> None:
    sender.call(userId=..., anonymousId="device-1", event="visited")
    sender.call("alias", previousId="device-1", userId="ana")
    sender.call(userId="ana", event="paid")
    sender.call(userId="bob", event="looked")
    for one in ("ana", "device-1"):
        rows = sender.api.results(f"{EVENTS}/?person={one}")
        assert [row["event_name"] for row in rows] == ["paid", "alias", "visited"]

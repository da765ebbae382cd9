"""The decoder alone: any bytes become events and errors, or are refused in words, in bounded time."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.protocols.base import Batch, FormatError, Head
from ingest.protocols.segment.wire import SEGMENT
from tests.ingest.segment.conftest import call

PATHS = st.sampled_from(["/v1/track", "/v1/alias/", "/v1/i", "/v1/batch", "/v1/b/", ""])
NAMES = st.sampled_from(
    [
        "type",
        "userId",
        "anonymousId",
        "messageId",
        "timestamp",
        "sentAt",
        "event",
        "name",
        "category",
        "groupId",
        "previousId",
        "properties",
        "traits",
        "context",
        "integrations",
        "more",
    ]
)
CONTEXT_NAMES = st.sampled_from(["ip", "userAgent", "library", "sessionId", "groupId", "direct", "page"])
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(CONTEXT_NAMES | st.text(), inner), max_leaves=10
)
KINDS = st.sampled_from(["track", "identify", "page", "screen", "group", "alias"])
CALLS = (
    st.builds(lambda kind, members: {**call(kind), **members}, KINDS, st.dictionaries(NAMES, VALUES)) | VALUES
)


def decoded(body: bytes, path: str) -> Batch | None:
    try:
        return SEGMENT.decode(body, Head(path=path, client_address="192.0.2.1"))
    except FormatError:
        return None


@given(st.binary(), PATHS)
def test_any_bytes_are_decoded_or_refused(body: bytes, path: str) -> None:
    decoded(body, path)


@given(st.lists(CALLS, max_size=5), VALUES, PATHS)
def test_every_call_of_a_batch_is_an_event_or_named_once(calls: list[Any], context: Any, path: str) -> None:
    body = json.dumps({"batch": calls, "context": context}).encode()
    batch = decoded(body, "/v1/batch")
    if batch is None:
        # json.dumps writes halves of surrogate pairs, which are no JSON.
        assert b"\\ud" in body
        return
    events = batch.parts[0]
    places = [index for index, _ in events.records] + [error.index for error in events.errors]
    assert sorted(places) == list(range(len(calls)))
    assert batch.record_count == len(calls)
    kept = {index for index, _ in events.records}
    assert all(index in kept for part in batch.parts[1:] for index, _ in part.records)
    assert set(SEGMENT.excerpts(body, Head(path="/v1/batch"), range(99))) == set(places)
    if calls:
        decoded(json.dumps(calls[0]).encode(), path)


@pytest.mark.parametrize("path", ["/v1/track", "/v1/t/"])
@pytest.mark.parametrize("member", [5, [1, 2], {}])
def test_a_lone_call_is_shown_whole_whatever_its_members_are_called(path: str, member: Any) -> None:
    body = json.dumps(call(event=..., batch=member)).encode()
    batch = decoded(body, path)
    assert batch
    assert [error.index for error in batch.parts[0].errors] == [0]
    assert SEGMENT.excerpts(body, Head(path=path), [0]) == {0: body}


@pytest.mark.parametrize(
    "body",
    [
        b'{"batch":[' + b"{}," * 170_000 + b"{}]}",
        b'{"batch":[' + b"1," * 250_000 + b"1]}",
        b'{"batch":[{"type":"track","event":"e","userId":"a","context":'
        + b'{"a":' * 190
        + b"1"
        + b"}" * 190
        + b"}]}",
        b"[" * 500_000,
        b'{"a":"' + b"\\" * 500_000,
    ],
)
def test_hostile_bytes_cost_one_pass(body: bytes) -> None:
    started = time.process_time()
    decoded(body, "/v1/batch")
    assert time.process_time() - started < 3


def test_a_context_of_long_names_within_each_other_stays_about_as_large_as_it_was_sent() -> None:
    inner: Any = {str(number): 1 for number in range(1500)}
    body = json.dumps(call(context={"x" * 16_000: inner})).encode()
    batch = decoded(body, "/v1/track")
    assert batch
    ((_, event),) = batch.parts[0].records
    assert len(json.dumps(event.tags)) < 2 * len(body)

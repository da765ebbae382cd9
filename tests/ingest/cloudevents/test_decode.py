"""The decoder alone: any bytes and headers become events, or are refused in words, in bounded time and memory."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.protocols.base import Batch, FormatError, Head
from ingest.protocols.cloudevents.headers import header_text
from ingest.protocols.cloudevents.values import is_media_type, is_uri_reference, parse_time
from ingest.protocols.cloudevents.webhook import webhook_consent
from ingest.protocols.cloudevents.wire import BATCHED, INVALID, STRUCTURED, CloudEventsFormat
from tests.ingest.cloudevents.conftest import event

FORMAT = CloudEventsFormat()
NAMES = st.sampled_from(
    [
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "datacontenttype",
        "dataschema",
        "data",
        "data_base64",
        "traceparent",
        "region",
        "No Name",
    ]
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10
)
EVENTS = st.dictionaries(NAMES, VALUES).map(lambda members: event(**members)) | VALUES


def decoded(body: bytes, head: Head) -> Batch | None:
    assert FORMAT.takes(head)
    try:
        return FORMAT.decode(body, head)
    except FormatError:
        return None


def without_surrogates(text: str) -> bool:
    return "\\ud" not in text


@given(st.binary(), st.sampled_from([STRUCTURED, BATCHED]))
def test_any_bytes_are_decoded_or_refused(body: bytes, content_type: str) -> None:
    decoded(body, Head(content_type))


@given(st.lists(EVENTS))
def test_every_event_of_a_batch_is_stored_or_named_and_one_that_is_none_stops_all(events: list[Any]) -> None:
    body = json.dumps(events)
    batch = decoded(body.encode(), Head(BATCHED))
    if batch is None:
        assert not without_surrogates(body)
        return
    (part,) = batch.parts
    places = [index for index, _ in part.records] + [error.index for error in part.errors]
    assert len(places) == len(set(places))
    if batch.note == INVALID:
        assert part.errors
        assert not part.records
    else:
        assert sorted(places) == list(range(len(events)))


# Header values as WSGI hands them over: a byte a character.
HEADER_TEXTS = st.binary(max_size=50).map(lambda raw: raw.decode("latin-1"))


@given(
    st.dictionaries(
        st.sampled_from(["id", "source", "type", "specversion", "time", "a-b"]), HEADER_TEXTS, min_size=1
    ),
    st.binary(),
    st.sampled_from(
        ["", "application/json", "text/plain; charset=utf-16", 'text/xml;charset="x', "nonsense"]
    ),
)
def test_any_headers_are_decoded_or_refused(headers: dict[str, str], body: bytes, content_type: str) -> None:
    sent = {"ce-specversion": "1.0", **{f"ce-{name}": value for name, value in headers.items()}}
    batch = decoded(body, Head(content_type, sent))
    assert batch is not None
    assert batch.record_count == 1


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_every_text_comes_through_a_header_whole(text: str) -> None:
    encoded = "".join(
        f"%{byte:02X}" if byte in b' "%' or not 32 < byte < 127 else chr(byte) for byte in text.encode()
    )
    assert header_text("subject", encoded) == text
    escaped = encoded.replace("\\", "\\\\")
    assert header_text("subject", f'"{escaped}"') == text


@pytest.mark.parametrize(
    "costly",
    [
        lambda size: is_uri_reference("//" + "a@" * size + " "),
        lambda size: is_uri_reference("a" * size + " "),
        lambda size: is_media_type("a/b" + " " * size + "x"),
        lambda size: header_text("subject", '"' + "\\" * size),
        lambda size: header_text("subject", '"' * size),
        lambda size: header_text("subject", "%41%" * size),
        lambda size: decoded(b"[" + b"{}," * size + b"{", Head(BATCHED)),
        lambda size: decoded(b"[" * size, Head(STRUCTURED)),
        lambda size: decoded(b'["' + b"[" * size, Head(BATCHED)),
    ],
)
def test_hostile_bytes_cost_one_pass(costly: Any) -> None:
    started = time.process_time()
    costly(1_000_000)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("text", ["", "T", "2026-01-01T00:00:00" + "." + "9" * 1000 + "Z"])
def test_odd_times_are_refused_or_read(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert parse_time(text).tzinfo


def test_the_decoder_needs_no_django() -> None:
    program = (
        "import sys; from ingest.protocols.cloudevents.wire import CloudEventsFormat; "
        "from ingest.protocols.segment.wire import SEGMENT; sys.exit('django' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ({}, {}),
        ({"webhook-request-rate": "100"}, {}),
        ({"webhook-request-origin": "a.example.com"}, {"WebHook-Allowed-Origin": "a.example.com"}),
        (
            {"webhook-request-origin": "a.example.com", "webhook-request-rate": "120"},
            {"WebHook-Allowed-Rate": "120"},
        ),
        (
            {"webhook-request-origin": "a.example.com", "webhook-request-rate": "0"},
            {"WebHook-Allowed-Rate": "*"},
        ),
        (
            {"webhook-request-origin": "a.example.com", "webhook-request-rate": "many"},
            {"WebHook-Allowed-Rate": "*"},
        ),
        ({"webhook-request-origin": "a\r\nSet-Cookie: b"}, {}),
        ({"webhook-request-origin": "a" * 300}, {}),
    ],
)
def test_c18_whoever_asks_may_send_at_the_rate_asked_for(
    asked: dict[str, str], granted: dict[str, str]
) -> None:
    consent = webhook_consent(asked)
    assert consent.items() >= granted.items()
    assert bool(consent) == bool(granted)
    assert not consent or consent["WebHook-Allowed-Rate"]

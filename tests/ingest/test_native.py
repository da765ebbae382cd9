"""The native format, fuzzed without HTTP: any bytes are either records and errors, or refused in words."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.records import EventRecord
from ingest.protocols.base import Decoded, FormatError, Head, TooManyRecords
from ingest.protocols.native import NativeFormat

FORMAT = NativeFormat("events", EventRecord, "events", bare=True)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def decode(body: bytes) -> Decoded[EventRecord]:
    (part,) = FORMAT.decode(body, Head()).parts
    return part


FIELDS = st.sampled_from([*EventRecord.__struct_fields__, "unknown"])


@given(st.binary())
def test_any_bytes_are_decoded_or_refused(body: bytes) -> None:
    refusal = None
    try:
        decoded = decode(body)
    except FormatError as error:
        refusal = error.detail
    assert refusal or decoded.records or decoded.errors or json.loads(body) == {"events": []}


@given(st.lists(st.dictionaries(FIELDS, VALUES)))
def test_every_record_is_either_decoded_or_named_once(records: list[dict[str, Any]]) -> None:
    body = json.dumps({"events": records}).encode()
    try:
        decoded = decode(body)
    except FormatError:
        # json.dumps writes NaN and lone surrogates, which are no JSON.
        assert b"NaN" in body or b"Infinity" in body or b"\\ud" in body
        return
    places = [index for index, _ in decoded.records] + [error.index for error in decoded.errors]
    assert sorted(places) == list(range(len(records)))


def test_an_unterminated_text_costs_one_pass() -> None:
    body = b'{"events":["' + b'\\"' * 500_000 + b"[" * 300
    started = time.process_time()
    with pytest.raises(FormatError):
        decode(body)
    assert time.process_time() - started < 1


def test_very_many_brackets_cost_one_pass() -> None:
    nest = b"[" * 190 + b"]" * 190 + b","
    body = b'{"events":[' + nest * 20_000 + b"{}]}"
    started = time.process_time()
    with pytest.raises(TooManyRecords):
        decode(body)
    assert time.process_time() - started < 3


@pytest.mark.parametrize("depth", [1, 197, 198, 199, 500, 5000])
def test_two_hundred_levels_are_the_limit(depth: int) -> None:
    body = b'{"events":[{"event_name":"x","properties":{"a":' + b"[" * depth + b"]" * depth + b"}}]}"
    levels = depth + 4
    if levels <= 200:
        assert len(decode(body).records) == 1
    else:
        with pytest.raises(FormatError, match="200 levels"):
            decode(body)

"""OTLP's attributes: those that come again are remembered within bounds, new ones mean what protobuf says."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from types import NoneType
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from ingest.protocols.otlp.values import AttributeReader, BadRecord, Pairs
from tests.ingest.otlp.messages import attributes

KEPT: dict[str, Callable[[int], Any]] = {
    "short ones": lambda number: number,
    "texts": lambda number: f"{number:0500}",
    "empty maps": lambda number: [number] + [{}] * 100,
    "long ones": lambda number: f"{number:02000}",
}


@pytest.mark.parametrize("name", KEPT)
def test_remembered_attributes_stay_bounded_and_mean_the_same(name: str) -> None:
    limit = 100_000
    reader = AttributeReader(Pairs(max_bytes=limit))
    for number in range(200):
        reader.read([attributes({"warm": number})[0].SerializeToString()])
    tracemalloc.start()
    for number in range(1_000):
        value = KEPT[name](number % 500)
        raw = attributes({"k": value})[0].SerializeToString()
        assert reader.read([raw]) == reader.read([raw]) == {"k": value}
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held_bytes < 2 * limit


def test_frequent_attributes_find_room_again_where_others_filled_it() -> None:
    pairs = Pairs(max_bytes=10_000)
    reader = AttributeReader(pairs)
    frequent = attributes({"k": "frequent"})[0].SerializeToString()
    for number in range(2_000):
        reader.read([attributes({"k": number})[0].SerializeToString()])
        reader.read([frequent])
        assert len(pairs) < 30
    assert frequent in pairs


def meaning(raw: bytes) -> dict[str, Any] | None:
    """What the published message says of an attribute that is a text, a whole number or nothing."""
    try:
        found = KeyValue.FromString(raw)
    except DecodeError:
        return None
    kind = found.value.WhichOneof("value")
    return {found.key: kind and getattr(found.value, kind)}


SHORT_TEXTS = st.text(max_size=12) | st.integers(90, 140).map("x".__mul__)


@settings(max_examples=200)
@given(SHORT_TEXTS, SHORT_TEXTS | st.integers(0, 300) | st.none(), st.data())
def test_an_attribute_means_what_protobuf_says(name: str, value: Any, data: st.DataObject) -> None:
    raw = bytearray(attributes({name: value})[0].SerializeToString())
    if data.draw(st.booleans()):
        start = data.draw(st.integers(0, len(raw)))
        raw[start : start + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    expected = meaning(bytes(raw))
    assume(expected is None or isinstance(next(iter(expected.values())), (str, int, NoneType)))
    try:
        assert AttributeReader(Pairs()).read([bytes(raw)]) == expected
    except BadRecord:
        assert expected is None

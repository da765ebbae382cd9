"""Both decoders, fuzzed without HTTP: any bytes are records and errors, or refused in words, within bounds."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from typing import Any

import cramjam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.bodies import MAX_INFLATED_BYTES, BodyTooLarge, BrokenEncoding, inflate
from ingest.protocols.base import MAX_RECORDS, Batch, FormatError, Head, TooManyRecords
from ingest.protocols.remote_write import v1_pb2, v2_pb2
from ingest.protocols.remote_write.formats import RemoteWrite1, RemoteWrite2
from ingest.protocols.remote_write.framing import fields
from storage.records import Outcome
from tests.ingest.prometheus.messages import Request2, request_1, series_1

VERSIONS = ["1.0", "2.0"]
FORMATS = (RemoteWrite1(), RemoteWrite2())
SERIES_1 = series_1(
    {"__name__": "rpc_seconds", "job": "api"},
    [(0.5, 1_700_000_000_000)],
    [v1_pb2.Histogram(count_int=1, schema=3, zero_count_int=1)],
    [({"trace_id": "ab" * 16}, 0.5, 1_700_000_000_000)],
)
METADATA_1 = v1_pb2.MetricMetadata(
    type=v1_pb2.MetricMetadata.HISTOGRAM, metric_family_name="rpc_seconds", help="h"
)


def valid_2() -> bytes:
    request = Request2()
    kind = v2_pb2.Metadata.METRIC_TYPE_GAUGE
    request.add(
        {"__name__": "up", "job": "a"}, [(1, 1)], exemplars=[({"a": "b"}, 1, 1)], metadata=(kind, "h", "u")
    )
    request.add(
        {"__name__": "h"}, histograms=[v2_pb2.Histogram(count_float=1, zero_count_float=1)], start_ms=5
    )
    return request.body()


VALID = (request_1(SERIES_1, metadata=[METADATA_1]), valid_2())


def places(batch: Batch) -> list[int]:
    found = [index for part in batch.parts for index, _ in part.records]
    return sorted(found + [error.index for part in batch.parts for error in part.errors])


def check(wire: Any, body: bytes) -> None:
    """Decoded, each place is a record or an error and the answer knows it; else refused in words."""
    try:
        batch = wire.decode(body, Head())
    except (FormatError, TooManyRecords):
        return
    assert set(places(batch)) == set(range(len(batch.note.kinds)))
    errors = [error for part in batch.parts for error in part.errors]
    answer = wire.answer(batch, Outcome(errors=errors))
    assert (answer.status == 204) is (not errors)


@pytest.mark.parametrize("wire", FORMATS, ids=VERSIONS)
@given(body=st.binary(max_size=300))
def test_any_bytes_are_decoded_or_refused(wire: Any, body: bytes) -> None:
    check(wire, body)


@pytest.mark.parametrize(("wire", "valid"), list(zip(FORMATS, VALID, strict=True)), ids=VERSIONS)
@given(changes=st.lists(st.tuples(st.integers(min_value=0), st.binary(max_size=4)), min_size=1, max_size=4))
def test_a_message_with_other_bytes_in_it_is_decoded_or_refused(
    wire: Any, valid: bytes, changes: list[tuple[int, bytes]]
) -> None:
    body = valid
    for place, put in changes:
        at = place % (len(body) + 1)
        body = body[:at] + put + body[at + len(put) // 2 :]
    check(wire, body)


@pytest.mark.parametrize(("wire", "valid"), list(zip(FORMATS, VALID, strict=True)), ids=VERSIONS)
def test_every_beginning_of_a_message_is_decoded_or_refused(wire: Any, valid: bytes) -> None:
    for end in range(len(valid) + 1):
        check(wire, valid[:end])


@given(st.lists(st.tuples(st.integers(min_value=1, max_value=2**29 - 1), st.binary())))
def test_fields_are_taken_apart_as_they_were_put_together(sent: list[tuple[int, bytes]]) -> None:
    body = b"".join(varint(number << 3 | 2) + varint(len(content)) + content for number, content in sent)
    assert list(fields(body)) == sent


def varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def test_numbers_between_the_fields_are_skipped() -> None:
    body = b"\x08\x96\x01" + b"\x0a\x01a" + b"\x11" + bytes(8) + b"\x1d" + bytes(4) + b"\x12\x00"
    assert list(fields(body)) == [(1, b"a"), (2, b"")]


@pytest.mark.parametrize(
    "body",
    [b"\x0a", b"\x0a\x05a", b"\x0b", b"\x0c", b"\x02\x00", b"\x00\x01", b"\x80" * 11, b"\x11\x00", b"\x0f"],
)
def test_bytes_that_are_no_fields_are_refused(body: bytes) -> None:
    with pytest.raises(FormatError):
        list(fields(body))


def inside_a_series(content: bytes) -> tuple[bytes, bytes]:
    """The same series as a request of each version."""
    return b"\x0a" + varint(len(content)) + content, b"\x2a" + varint(len(content)) + content


Bomb = Callable[[], tuple[bytes, bytes]]
BOMBS: dict[str, Bomb] = {
    "empty series": lambda: (b"\x0a\x00" * 25_000_000, b"\x2a\x00" * 25_000_000),
    "empty texts": lambda: (b"\x1a\x00" * 25_000_000, b"\x22\x00" * 25_000_000),
    "numbers": lambda: (b"\x08\x01" * 25_000_000,) * 2,
    "empty histograms": lambda: inside_a_series(b"\x22\x00" * 450_000),
    "empty labels": lambda: inside_a_series(b"\x0a\x00" * 450_000),
    "very many references": lambda: inside_a_series(b"\x0a" + varint(900_000) + b"\x01" * 900_000),
    "one series of 50 MB": lambda: inside_a_series(b"\x0a\x00" * 24_000_000),
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("version", [0, 1])
def test_a_bomb_costs_little(bomb: str, version: int) -> None:
    body = BOMBS[bomb]()[version]
    before, began = peak_bytes(), time.process_time()
    check(FORMATS[version], body)
    assert time.process_time() - began < 3
    assert peak_bytes() - before < 150_000_000


def many_labels_shared() -> bytes:
    """Texts of 64 KB in 10,000 series, each with one of its own."""
    message = v2_pb2.Request(
        symbols=["", *(f"l{place:02}" for place in range(60)), "y" * 1000, "__name__", "a"]
    )
    for place in range(10_000):
        message.symbols.append(str(place))
        refs = [part for name in range(1, 60) for part in (name, 61)]
        refs = [62, 63, *refs, 60, 64 + place]
        message.timeseries.add(labels_refs=refs, samples=[v2_pb2.Sample(value=1, timestamp=place)])
    return message.SerializeToString()


def many_words_shared() -> bytes:
    """One description of 1 MB for 100 metrics."""
    message = v2_pb2.Request(symbols=["", "__name__", "w" * 1_000_000])
    for place in range(100):
        message.symbols.append(f"m{place}")
        series = message.timeseries.add(labels_refs=[1, 3 + place])
        series.samples.add(value=1, timestamp=1)
        series.metadata.help_ref = 2
    return message.SerializeToString()


def wide_histograms() -> bytes:
    histogram = v1_pb2.Histogram(schema=0, count_int=16 * 2000, sum=1.0, positive_deltas=[16] + [0] * 1999)
    histogram.positive_spans.add(offset=-1000, length=2000)
    return request_1(series_1({"__name__": "h"}, histograms=[histogram] * 450))


@pytest.mark.parametrize(
    ("version", "make"), [(1, many_labels_shared), (1, many_words_shared), (0, wide_histograms)]
)
def test_what_becomes_much_of_little_is_refused(version: int, make: Callable[[], bytes]) -> None:
    body, began = make(), time.process_time()
    with pytest.raises(TooManyRecords):
        FORMATS[version].decode(body, Head())
    assert time.process_time() - began < 2


def peak_bytes() -> int:
    """The most memory that this process ever held, protobuf's own included."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_ten_thousand_samples_pass_and_one_more_does_not() -> None:
    samples = [(1.0, place) for place in range(MAX_RECORDS)]
    (part,) = FORMATS[0].decode(request_1(series_1({"__name__": "up"}, samples)), Head()).parts
    assert len(part.records) == MAX_RECORDS
    with pytest.raises(TooManyRecords):
        FORMATS[0].decode(request_1(series_1({"__name__": "up"}, [*samples, (1, -1)])), Head())


@given(st.binary())
def test_snappy_gives_back_what_was_compressed(content: bytes) -> None:
    assert inflate(bytes(cramjam.snappy.compress_raw(content)), "snappy", {"snappy"}) == content


@given(st.binary(max_size=200))
def test_what_is_not_snappy_is_refused(body: bytes) -> None:
    try:
        assert len(inflate(body, "snappy", {"snappy"})) <= MAX_INFLATED_BYTES
    except (BrokenEncoding, BodyTooLarge):
        return


def test_a_snappy_header_that_promises_too_much_is_refused_before_anything_is_inflated() -> None:
    with pytest.raises(BodyTooLarge):
        inflate(varint(MAX_INFLATED_BYTES + 1), "snappy", {"snappy"})

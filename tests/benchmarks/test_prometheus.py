from __future__ import annotations

import struct

import pytest

from benchmarks.prometheus import _field, _snappy, _time_series, _varint


@pytest.mark.parametrize(("number", "encoded"), [(0, "00"), (127, "7f"), (128, "8001"), (300, "ac02")])
def test_varints_are_those_of_protobuf(number: int, encoded: str) -> None:
    assert _varint(number).hex() == encoded


def test_a_field_carries_its_number_and_length() -> None:
    assert _field(2, b"abc") == b"\x12\x03abc"


def test_a_series_carries_labels_and_points() -> None:
    message = _time_series("load", "7", [(1.5, 2.0)])
    name = b"\x0a\x10\x0a\x08__name__\x12\x04load"
    label = b"\x0a\x0b\x0a\x06series\x12\x017"
    point = b"\x12\x0c\x09" + struct.pack("<d", 1.5) + b"\x10\xd0\x0f"
    assert message == _field(1, name + label + point)


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 200_000])
def test_a_snappy_frame_gives_back_its_content(size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    frame = _snappy(content)
    header = len(_varint(size))
    literals, place = b"", header
    while place < len(frame):
        tag, length = frame[place], struct.unpack("<H", frame[place + 1 : place + 3])[0] + 1
        assert tag == 61 << 2
        literals += frame[place + 3 : place + 3 + length]
        place += 3 + length
    assert frame[:header] == _varint(size)
    assert literals == content

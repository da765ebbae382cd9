"""The fields of a protobuf message one by one, each as the bytes it was sent in.

Parsed whole, a request costs up to seventy times its size: two bytes make an empty histogram of 140. So the outermost
message is taken apart here, and the published classes parse one series of bounded size after the other.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.protocols.base import FormatError, TooManyRecords

MAX_FIELDS = 500_000
"""Texts and series: 10,000 series share far fewer texts."""

MAX_VARINT_BYTES = 10
_VARINT, _LENGTH_DELIMITED = 0, 2
_FIXED_BYTES = {1: 8, 5: 4}


def fields(message: bytes, most: int = MAX_FIELDS) -> Iterator[tuple[int, bytes]]:
    """(number, content) of each text or message in it; numbers are skipped.

    Raises FormatError where the bytes are no message, TooManyRecords for more than `most` fields.
    """
    position, end = 0, len(message)
    for _ in range(most):
        if position >= end:
            break
        tag, position = _varint(message, position)
        kind = tag & 7
        if kind == _LENGTH_DELIMITED and tag > 7:
            length, position = _varint(message, position)
            start, position = position, position + length
            if position <= end:
                yield tag >> 3, message[start:position]
        elif kind == _VARINT and tag > 7:
            _, position = _varint(message, position)
        elif kind in _FIXED_BYTES and tag > 7:
            position += _FIXED_BYTES[kind]
        else:
            raise _broken(f"wrong field at byte {position}")
    if position > end:
        raise _broken("it ends too early")
    if position < end:
        raise TooManyRecords


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """A number and the place behind it."""
    number = 0
    for shift, byte in enumerate(message[position : position + MAX_VARINT_BYTES]):
        number |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return number, position + shift + 1
    raise _broken(f"wrong number at byte {position}")


def _broken(detail: str) -> FormatError:
    return FormatError(f"The body is not a valid protobuf message: {detail}.")

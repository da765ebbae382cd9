"""The platform's own JSON: `{"events": [...]}` and its siblings.

The whole body is decoded at once straight into structs (0.9 us a record). Only where that fails, it is decoded again
record by record, to name the bad ones and keep the good ones.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar

import msgspec

from ingest.protocols.base import (
    MAX_RECORDS,
    Batch,
    Decoded,
    FormatError,
    Head,
    Refusal,
    SignalName,
    TooManyRecords,
)
from ingest.protocols.beacons import is_beacon, without_write_key
from storage.records import Answer, Outcome, RecordError

MAX_DEPTH = 200
MAX_ERRORS = 1000

SLICE = 65_536

_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_LONE_SURROGATE = re.compile(rb"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|[c-fC-F])", re.DOTALL)
# Possessive, and an unterminated text runs to the end: one pass over any bytes.
_JSON_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_PATH = re.compile(r" - at `\$\.?([^`]*)`$")
_MISSING = re.compile(r"missing required field `([^`]*)`")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")

RecordT = TypeVar("RecordT", bound=msgspec.Struct)

_raw_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])


class NativeFormat(Generic[RecordT]):
    """Decoder of one signal: `key` names the list in the body, `bare` also admits one record without a list."""

    name = "json"
    media_types = ("application/json",)
    encodings = frozenset({"gzip", "deflate"})

    def __init__(self, signal: SignalName, record: type[RecordT], key: str, *, bare: bool = False) -> None:
        self.signal = signal
        self.key = key
        self.bare = bare
        envelope = msgspec.defstruct("Envelope", [(key, list[record])], forbid_unknown_fields=True)  # type: ignore[valid-type]  # the type is a value here
        self._whole: msgspec.json.Decoder[Any] = msgspec.json.Decoder(envelope)
        self._single = msgspec.json.Decoder(record)

    def takes(self, head: Head) -> bool:
        """JSON, also where nothing is said or a browser's beacon says `text/plain`."""
        media_type = head.media_type
        return media_type in ("", "application/json", "text/plain") or media_type.endswith("+json")

    def decode(self, body: bytes, head: Head) -> Batch:
        """Raises FormatError where the body is no JSON or not of the shape, TooManyRecords past 10,000."""
        return Batch([self._decode(without_write_key(body) if is_beacon(head) else body)])

    def _decode(self, body: bytes) -> Decoded[RecordT]:
        if not body.strip():
            raise FormatError(f"The body is empty; send a JSON object with a list {self.key!r}.", self.key)
        check_depth(body)
        try:
            records = getattr(self._whole.decode(body), self.key)
        except RecursionError:
            raise _too_deep() from None
        except (msgspec.ValidationError, UnicodeDecodeError):
            return self._decode_each(self._raw_records(body))
        except msgspec.DecodeError as error:
            raise FormatError(f"The body is not valid JSON: {_explained(error, body)}.") from None
        _check_count(records)
        return Decoded(self.signal, list(enumerate(records)))

    def answer(self, batch: Batch, outcome: Outcome) -> Answer:
        """See native_answer."""
        return native_answer(outcome)

    def refuse(self, refusal: Refusal, head: Head) -> None:
        """Refused in the API's own JSON."""

    def excerpts(self, body: bytes, head: Head, indexes: Sequence[int]) -> dict[int, bytes]:
        """See base.Excerpting."""
        raws = self._raw_records(without_write_key(body))
        return {index: bytes(raws[index]) for index in indexes if index < len(raws)}

    def _raw_records(self, body: bytes) -> list[msgspec.Raw]:
        try:
            top = _raw_object.decode(body)
            if self.key not in top:
                if self.bare:
                    return [msgspec.Raw(body)]
                raise FormatError(f"The body has no list {self.key!r}.", self.key)
            if unknown := [name for name in top if name != self.key]:
                raise FormatError(f"The body has an unknown field {unknown[0]!r}.", unknown[0])
            return _raw_list.decode(top[self.key])
        except msgspec.ValidationError as error:
            where = self.key if body.lstrip()[:1] == b"{" else ""
            raise FormatError(
                f"The body must be a JSON object with a list {self.key!r}: {_PATH.sub('', str(error))}.",
                where,
            ) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise FormatError(f"The body is not valid JSON: {error}.") from None

    def _decode_each(self, raws: list[msgspec.Raw]) -> Decoded[RecordT]:
        _check_count(raws)
        decoded: Decoded[RecordT] = Decoded(self.signal)
        for index, raw in enumerate(raws):
            try:
                decoded.records.append((index, self._single.decode(raw)))
            except msgspec.ValidationError as error:
                decoded.errors.append(record_error(index, str(error)))
            except UnicodeDecodeError:
                decoded.errors.append(RecordError(index, "", "invalid_utf8", "the record is not valid UTF-8"))
            except msgspec.DecodeError as error:
                raise FormatError(f"Record {index} is not valid JSON: {error}.") from None
        return decoded


def record_error(index: int, message: str) -> RecordError:
    """msgspec's message as a record's error: which field, what kind, in words."""
    path = _PATH.search(message)
    text = _PATH.sub("", message)
    place = path[1] if path else ""
    if match := _MISSING.search(message):
        return RecordError(index, match[1], "required", f"{match[1]} is required")
    if match := _UNKNOWN.search(message):
        return RecordError(index, match[1], "unknown_field", f"{match[1]} is not a known field")
    name = re.split(r"[.\[]", place, maxsplit=1)[0]
    if "matching regex" in text:
        text = "Expected letters, digits, _ and - only"
    return RecordError(index, name, "invalid", f"{place or 'the record'}: {text}")


def _explained(error: msgspec.DecodeError, body: bytes) -> str:
    """msgspec calls an escape of half a character "truncated"; say what and where it is."""
    if "truncated" in str(error) and (found := _LONE_SURROGATE.search(body)):
        return f"half of a surrogate pair (byte {found.start()})"
    return str(error)


def _check_count(records: list[Any]) -> None:
    if len(records) > MAX_RECORDS:
        raise TooManyRecords


def _too_deep() -> FormatError:
    return FormatError(f"The body nests more than {MAX_DEPTH} levels deep.")


def check_depth(body: bytes) -> None:
    """Refuse bodies that nest deeper than 200; brackets inside texts only cost a second, exact look."""
    if _nests_deeply(body.translate(_STEPS, _ALL_BUT_BRACKETS)):
        without_texts = _JSON_STRING.sub(b"", body)
        if _nests_deeply(without_texts.translate(_STEPS, _ALL_BUT_BRACKETS)):
            raise _too_deep()


def _nests_deeply(steps: bytes) -> bool:
    """`steps` has a byte 1 for each opening and 255 (that is -1) for each closing bracket.

    In slices, because each runs in C without letting other threads in.
    """
    depth = 0
    for start in range(0, len(steps), SLICE):
        depths = list(accumulate(array("b", steps[start : start + SLICE]), initial=depth))
        if max(depths) > MAX_DEPTH:
            return True
        depth = depths[-1]
    return False


def native_answer(outcome: Outcome) -> Answer:
    """202 with the counts and one error per rejected record (the first 1,000)."""
    body = {
        "accepted": outcome.inserted,
        "duplicates": outcome.duplicates,
        "rejected": len(outcome.errors),
        **named_errors(outcome.errors),
    }
    return Answer(202, msgspec.json.encode(body))


def named_errors(errors: Sequence[RecordError]) -> dict[str, Any]:
    """The members of an answer that name rejected records by their places: the first 1,000, and how many more."""
    by_place = sorted(errors, key=lambda error: error.index)
    members: dict[str, Any] = {
        "errors": [
            {"index": error.index, "field": error.field, "code": error.code, "message": error.message}
            for error in by_place[:MAX_ERRORS]
        ]
    }
    if len(errors) > MAX_ERRORS:
        members["errors_truncated"] = len(errors) - MAX_ERRORS
    return members

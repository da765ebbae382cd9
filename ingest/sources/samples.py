"""One rejected record as text, for the person who sent it to recognise: short, secrets and addresses hidden."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ingest.protocols.base import Batch, Excerpting, Head, WireFormat
from ingest.sources.masking import HIDDEN, is_address, is_secret, masked
from ingest.sources.tallies import storable
from storage.texts import cut
from storage.values import held

logger = logging.getLogger(__name__)

MAX_SAMPLE = 500
MAX_VALUE = 80
MAX_MEMBERS = 20
MAX_DEPTH = 4
MAX_BODY_BYTES = 1_000_000
"""A larger body is not read a second time to show one record of it."""

_LABELS = ("name", "key")
"""Members that name what their sibling "value" is."""


def excerpts(
    wire: WireFormat, batch: Batch, body: bytes, head: Head, indexes: Sequence[int]
) -> dict[int, str]:
    """The records at these places of a request, as far as they can still be read. Never raises."""
    try:
        found = _found(wire, batch, body, head, set(indexes))
        return {index: shortened(record) for index, record in found.items()}
    except Exception as error:
        # What is stored is stored: a sample that can't be made must not make an error of the answer.
        logger.warning("no sample of a rejected record could be made: %s", type(error).__name__)
        return {}


def _found(wire: WireFormat, batch: Batch, body: bytes, head: Head, indexes: set[int]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for part in batch.parts:
        for index, record in part.records:
            if index in indexes:
                found.setdefault(index, msgspec.to_builtins(held(record), str_keys=True, enc_hook=str))
    rest = sorted(indexes - found.keys())
    if rest and isinstance(wire, Excerpting) and len(body) <= MAX_BODY_BYTES:
        found |= {index: _read(raw) for index, raw in wire.excerpts(body, head, rest).items()}
    return {index: record for index, record in found.items() if record is not None}


def shortened(record: Any) -> str:
    """A JSON-able value as at most 500 characters, secrets and addresses of people hidden."""
    text = json.dumps(_shown("", record, MAX_DEPTH), ensure_ascii=False, separators=(",", ":"))
    return storable(cut(text, MAX_SAMPLE), MAX_SAMPLE)


def _read(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw.decode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return None


def _shown(name: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return HIDDEN if is_secret(name) and value is not None else value
    if is_secret(name) or is_address(name):
        return HIDDEN
    if isinstance(value, Mapping):
        return _members_shown(value, depth - 1) if depth else "{…}"
    if isinstance(value, (list, tuple)):
        return [_shown(name, item, depth - 1) for item in value[:MAX_MEMBERS]] if depth else "[…]"
    return _text_shown(str(value))


def _members_shown(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    members = [(str(key), item) for key, item in value.items() if item not in (None, "", {}, [])]
    labels = [value[label] for label in _LABELS if isinstance(value.get(label), str)]
    hides_value = any(is_secret(label) or is_address(label) for label in labels)
    return {
        _text_shown(name): HIDDEN if hides_value and name == "value" else _shown(name, item, depth)
        for name, item in members[:MAX_MEMBERS]
    }


def _text_shown(text: str) -> str:
    return cut(masked(text), MAX_VALUE)

"""What makes a metric series: its labels, and the id computed from them without asking the database."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import lru_cache

from storage.records import digest_128

Scalar = str | int | float | bool | None
Labels = tuple[tuple[str, str], ...]
"""Sorted by name."""

COPIED_LABELS = ("service_name", "host_name", "instance_id")
"""Labels that also have a column, for searching."""

MAX_SERIES_ID = 2**63 - 1
MAX_LABELS = 64
MAX_LABEL_NAME = 200
MAX_LABEL_VALUE = 1000


def label_text(value: Scalar) -> str:
    """A scalar as JSON writes it; texts as they are."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def labels_of(tags: Mapping[str, Scalar] | None, copied: Mapping[str, str | None]) -> Labels:
    """All labels of a record, null ones left out. Raises ValueError where a tag and a field contradict each other."""
    labels = {name: label_text(value) for name, value in (tags or {}).items() if value is not None}
    if len(labels) > MAX_LABELS:
        raise ValueError(f"a series has at most {MAX_LABELS} labels")
    for name, text in labels.items():
        if len(name) > MAX_LABEL_NAME or len(text) > MAX_LABEL_VALUE:
            limits = f"{MAX_LABEL_NAME} characters, its value {MAX_LABEL_VALUE}"
            raise ValueError(f"the label {name[:50]!r} is too long: a name has at most {limits}")
    for name, value in copied.items():
        if value is not None and labels.setdefault(name, value) != value:
            raise ValueError(f"tags.{name} differs from {name}")
    return tuple(sorted(labels.items()))


@lru_cache(maxsize=20_000)
def series_identity(project_id: int, name: str, metric_type: str, labels: Labels) -> tuple[int, uuid.UUID]:
    """(id, fingerprint): the first 63 bits and all 128 bits of one BLAKE2b digest.

    The same on every machine, so series need no look-up and no sequence. The unit is not part of it.
    """
    parts = [part for label in labels for part in label]
    fingerprint = digest_128(project_id, name, metric_type, *parts)
    return int.from_bytes(fingerprint.bytes[:8], "big") >> 1, fingerprint

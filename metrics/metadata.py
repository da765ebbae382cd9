"""What a metric is, in the words of who sends it: one row for each name, the newest words win. No Django here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial

import msgspec

from storage.fields import Name, Text
from storage.known import Known
from storage.records import Bounds, RecordError, Row, Write
from storage.registry import Table, register
from storage.texts import cut

METADATA = register(
    Table(
        name="metric_metadata",
        columns=("project_id", "metric_name", "metric_type", "metric_unit", "description", "updated_at"),
        key=("project_id", "metric_name"),
        retention=None,
        time_column="updated_at",
        partitioned=False,
        mode="replace",
        beside=True,
        compare=("metric_type", "metric_unit", "description"),
        words="Descriptions of metrics",
    )
)

MAX_DESCRIPTION = 2000

_Key = tuple[int, str]
_Words = tuple[str, str, str]

KNOWN_FOR = timedelta(minutes=5)
"""Another process may have stored other words since: what a client still says is written again after this."""

_known: Known[_Key, tuple[int, datetime]] = Known(limit=20_000)
"""Hashes of the words that this process has stored, and when: clients say the same with each request."""


class MetadataRecord(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`metric_type` as the format has it, also those that no series has, such as `info`."""

    metric_name: Name
    metric_type: Text = ""
    metric_unit: Text = ""
    description: str = ""


def prepare(records: Iterable[tuple[int, MetadataRecord]], bounds: Bounds) -> tuple[Write, list[RecordError]]:
    """Rows for what this process hasn't stored yet, one for each name. A description is cut to 2,000 characters."""
    newest: dict[_Key, tuple[int, _Words]] = {}
    for index, record in records:
        words = (record.metric_type, record.metric_unit, cut(record.description, MAX_DESCRIPTION))
        newest[bounds.project_id, record.metric_name] = (index, words)
    write = Write(METADATA)
    written: dict[_Key, tuple[int, datetime]] = {}
    for key, (index, words) in newest.items():
        if not _is_known(key, words, bounds.received_at):
            row: Row = (*key, *words, bounds.received_at)
            write.add(index, row)
            written[key] = (hash(words), bounds.received_at)
    write.committed = partial(_known.remember, written)
    return write, []


def _is_known(key: _Key, words: _Words, now: datetime) -> bool:
    stored, stored_at = _known.get(key) or (None, now)
    return stored == hash(words) and now - stored_at < KNOWN_FOR


def forget_known() -> None:
    """Drop what this process knows; deleting rows elsewhere makes it wrong."""
    _known.forget()

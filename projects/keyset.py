"""Keyset pages over a whole key: each starts strictly after the last row's key, in one index scan.

An offset costs what it skips, and a cursor of one column loops for ever where more rows than a page share a time.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import BooleanField, F, Func, Model, QuerySet, Value


class InvalidCursor(ValueError):
    """A cursor that this platform did not make."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, newest first, and the cursors of the pages beside (None: there is none)."""

    rows: list[Any]
    next_cursor: str | None
    previous_cursor: str | None


def page_of(queryset: QuerySet[Any], key: Sequence[str], cursor: str | None, size: int) -> Page:
    """One page of at most `size` rows, descending by the key. Raises InvalidCursor."""
    backwards, page = False, queryset
    if cursor:
        backwards, values = decode_cursor(cursor, queryset.model, key)
        page = rows_beyond(queryset, key, values, backwards=backwards)
    sign = "" if backwards else "-"
    rows = list(page.order_by(*[f"{sign}{name}" for name in key])[: size + 1])
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()
    has_next = bool(rows) and (more or backwards)
    has_previous = bool(rows) and bool(cursor) and (more or not backwards)
    return Page(
        rows,
        encode_cursor(False, _key_of(rows[-1], key)) if has_next else None,
        encode_cursor(True, _key_of(rows[0], key)) if has_previous else None,
    )


def _key_of(row: Any, key: Sequence[str]) -> list[Any]:
    return [getattr(row, name) for name in key]


def encode_cursor(backwards: bool, values: Sequence[Any]) -> str:
    text = json.dumps([int(backwards), *[_text_of(value) for value in values]], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _text_of(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def decode_cursor(cursor: str, model: type[Model], key: Sequence[str]) -> tuple[bool, list[Any]]:
    """(backwards, key values). Raises InvalidCursor."""
    try:
        backwards, *texts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if backwards not in (0, 1) or len(texts) != len(key):
            raise ValueError("wrong length")
        for text in texts:
            # Encoding raises ValueError for half a surrogate pair.
            if b"\0" in text.encode():
                raise ValueError("no text that a key column holds")
        fields = [model._meta.get_field(name) for name in key]
        values = [field.to_python(text) for field, text in zip(fields, texts, strict=True)]  # type: ignore[union-attr]  # concrete fields only
    except (
        ValueError,
        TypeError,
        AttributeError,
        binascii.Error,
        ValidationError,
        OverflowError,
        RecursionError,
    ):
        raise InvalidCursor from None
    return bool(backwards), values


def rows_beyond(
    queryset: QuerySet[Any], key: Sequence[str], values: Sequence[Any], *, backwards: bool
) -> QuerySet[Any]:
    """Rows after (`backwards`: before) the given key, as one row comparison that an index on the key serves."""
    left = Func(*[F(name) for name in key], function="ROW")
    fields = [queryset.model._meta.get_field(name) for name in key]
    right = Func(
        *[Value(value, output_field=field) for value, field in zip(values, fields, strict=True)],
        function="ROW",
    )
    comparison = Func(
        left,
        right,
        template="%(expressions)s",
        arg_joiner=" > " if backwards else " < ",
        output_field=BooleanField(),
    )
    return queryset.filter(comparison)

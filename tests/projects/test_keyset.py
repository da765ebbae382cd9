"""Cursors: what we made is understood, anything else is refused in words."""

from __future__ import annotations

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.models import Event
from projects.keyset import InvalidCursor, decode_cursor, encode_cursor

KEY = ("event_timestamp", "id")


@given(st.booleans(), st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_cursor_comes_back_as_it_was_made(backwards: bool, moment: object, identifier: object) -> None:
    cursor = encode_cursor(backwards, [moment, identifier])
    assert decode_cursor(cursor, Event, KEY) == (backwards, [moment, identifier])


@given(st.text())
def test_any_other_text_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        decode_cursor(cursor, Event, KEY)

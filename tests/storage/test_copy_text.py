"""COPY's text made by ourselves stores what psycopg's own rows would: any text, any number, any time."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.connections import connect
from storage.copy_text import FEW_ROWS, NULL, PART_ROWS, copy_text, may_hold_nul

pytestmark = pytest.mark.django_db

TEXTS = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    st.text("\\\t\n\r\bN.x'\",", max_size=6),
    st.sampled_from([NULL, r"\.", "", "NULL", "\\"]),
)
JSON_TEXTS = st.dictionaries(TEXTS, TEXTS | st.booleans()).map(
    lambda value: msgspec.json.encode(value).decode()
)
TIMES = st.datetimes(timezones=st.just(UTC)) | st.just(datetime.max.replace(tzinfo=UTC))
ROWS = st.tuples(
    TEXTS,
    st.none() | TEXTS,
    st.none() | st.floats(),
    st.floats(),
    TIMES,
    st.none() | TIMES,
    st.uuids(),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    JSON_TEXTS,
)
TABLE = (
    "CREATE TEMPORARY TABLE {} (place serial, a text, b text, c float8, d float8, e timestamptz, f timestamptz, "
    "g uuid, h bigint, i boolean, j jsonb)"
)
COLUMNS = "(a, b, c, d, e, f, g, h, i, j)"


def text_of(rows: Sequence[tuple[Any, ...]]) -> bytes:
    return b"".join(copy_text(rows).parts)


def stored(connection: psycopg.Connection[Any], rows: Sequence[tuple[Any, ...]]) -> tuple[list[Any], ...]:
    """What is in a table after our text, and after psycopg's `write_row`, as the server writes it."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE ours, theirs")
        with cursor.copy(f"COPY ours {COLUMNS} FROM STDIN".encode()) as copy:
            copy.write(text_of(rows))
        with cursor.copy(f"COPY theirs {COLUMNS} FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)
        return tuple(
            cursor.execute(
                f"SELECT ROW({COLUMNS[1:-1]})::text FROM {name} ORDER BY place".encode()
            ).fetchall()
            for name in ("ours", "theirs")
        )


def test_rows_are_stored_as_psycopg_stores_them() -> None:
    with connect() as own:
        own.execute(TABLE.format("ours").encode())
        own.execute(TABLE.format("theirs").encode())

        @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
        @given(
            st.lists(ROWS, min_size=1, max_size=FEW_ROWS - 1)
            | st.lists(ROWS, min_size=FEW_ROWS, max_size=2 * FEW_ROWS)
        )
        def check(rows: list[tuple[Any, ...]]) -> None:
            ours, theirs = stored(own, rows)
            assert ours == theirs

        check()


def test_many_rows_read_the_same_as_each_alone() -> None:
    shared = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    rows = [
        (shared, "same", number % 2 or None, f"{number}\t\\", uuid.UUID(int=number))
        for number in range(2 * PART_ROWS + FEW_ROWS // 2)
    ]
    assert text_of(rows) == b"".join(text_of([row]) for row in rows)


@pytest.mark.parametrize("odd", [None, "x", -0.0, float("nan"), float("-inf"), True, 7])
def test_columns_whose_values_hardly_differ_read_the_same_as_each_alone(odd: Any) -> None:
    usual = {None: "x", "x": "a\tb", -0.0: 0.0, True: False, 7: 5}.get(odd, 0.5)
    columns = [
        [odd if place == odd_place else usual for place in range(FEW_ROWS)] for odd_place in (0, 5, 9, 20)
    ]
    rows = list(zip(*columns, strict=True))
    assert text_of(rows) == b"".join(text_of([row]) for row in rows)


def test_no_rows_are_no_text() -> None:
    assert text_of([]) == b""


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_what_postgresql_cannot_hold_is_refused_by_it(text: str) -> None:
    with connect() as own:
        own.execute("CREATE TEMPORARY TABLE refusing (a text)")
        with pytest.raises(psycopg.DataError), own.cursor().copy("COPY refusing FROM STDIN") as copy:
            copy.write(text_of([(text,)]))


HARMLESS = ("x", None, datetime(2026, 1, 2, tzinfo=UTC), 0.5)


@pytest.mark.parametrize("count", [1, FEW_ROWS, 2 * PART_ROWS])
@pytest.mark.parametrize("nul", ["a\0b", r'{"a": "\u0000"}'], ids=["raw", "in JSON"])
@pytest.mark.parametrize("place", [0, 1], ids=["in a text", "where others are null"])
def test_a_nul_is_told_wherever_it_hides(count: int, nul: str, place: int) -> None:
    rows: list[tuple[Any, ...]] = [HARMLESS] * count
    assert not copy_text(rows).may_hold_nul()
    row = (*HARMLESS[:place], nul, *HARMLESS[place + 1 :])
    assert copy_text([*rows[:-1], row]).may_hold_nul()
    assert copy_text([row] * count).may_hold_nul()


@given(st.lists(ROWS, min_size=FEW_ROWS, max_size=2 * FEW_ROWS))
def test_rows_hold_no_nul_that_none_of_their_texts_holds(rows: list[tuple[Any, ...]]) -> None:
    texts = [value for row in rows for value in row if isinstance(value, str)]
    assert copy_text(rows).may_hold_nul() <= any(may_hold_nul(text.encode()) for text in texts)

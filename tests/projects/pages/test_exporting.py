from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import Http404
from hypothesis import given
from hypothesis import strategies as st

from projects.pages.exporting import Table, as_file, csv_pieces, json_pieces

NOW = datetime(2026, 3, 10, 12, 34, 56, tzinfo=UTC)
ODD = 'a "quoted", text\nof two lines'


def _csv(rows: list[list[Any]]) -> list[list[str]]:
    text = "".join(csv_pieces(Table("things", ["one", "two"], rows)))
    return list(csv.reader(io.StringIO(text, newline="")))


def test_csv_holds_every_cell_as_text() -> None:
    rows = _csv([[ODD, 1.5], [NOW, None], [{"a": [1]}, True]])
    assert rows == [
        ["one", "two"],
        [ODD, "1.5"],
        ["2026-03-10T12:34:56+00:00", ""],
        ['{"a": [1]}', "True"],
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_spreadsheet_takes_no_text_for_a_formula(text: str) -> None:
    assert _csv([[text, -1.5]])[1] == [f"'{text}", "-1.5"]


@given(st.lists(st.tuples(st.text(), st.none() | st.integers() | st.text()), max_size=5))
def test_json_gives_back_what_was_written(rows: list[tuple[Any, Any]]) -> None:
    text = "".join(json_pieces(Table("things", ["one", "two"], rows)))
    assert json.loads(text) == [{"one": one, "two": two} for one, two in rows]


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_json_has_null_for_what_it_can_not_say(value: float) -> None:
    assert json.loads("".join(json_pieces(Table("things", ["one"], [[value]])))) == [{"one": None}]


def test_a_download_is_named_after_its_table_and_the_moment() -> None:
    answer = as_file(Table("traces", ["id"], [["a"]]), "csv", NOW)
    assert answer["Content-Disposition"] == 'attachment; filename="traces-20260310T123456Z.csv"'
    assert answer.getvalue().splitlines() == [b"id", b"a"]


def test_there_is_no_other_kind_of_file() -> None:
    with pytest.raises(Http404):
        as_file(Table("traces", [], []), "exe", NOW)

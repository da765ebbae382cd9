"""SQL that asks the same, and keeps the planner from believing that there is one row where there are a million.

Statistics know nothing of what was just loaded, and of a project that came after them until its table has grown by a
tenth. One row on both sides makes comparing each with each look as cheap as anything else.
"""

from __future__ import annotations

from storage.sql_pieces import Sql

SOME = 1000
"""Rows that make the planner put two of what has so many together by a hash table."""


def of_project(project_id: str, table: str = "") -> str:
    """SQL: a row's project is this one (SQL itself); the planner takes what projects have on average."""
    column = f"{table}.project_id" if table else "project_id"
    return f"{column} = (SELECT {project_id}::bigint)"


def no_rows(count: int, *types: str) -> str:
    """SQL: a SELECT of columns of these types without any row; the planner believes in so many."""
    columns = ", ".join(f"NULL::{one}" for one in types)
    return f"SELECT {columns} FROM unnest(array_fill(0, ARRAY[{count}])) AS none WHERE none <> none"


def believed(piece: Sql, *types: str) -> Sql:
    """The same rows, with columns of these types; for the planner SOME more."""
    return Sql(f"({piece.text}) UNION ALL {no_rows(SOME, *types)}", piece.parameters)

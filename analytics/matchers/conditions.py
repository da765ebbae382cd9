"""Matchers as SQL over one row of events. Never null: what a column lacks is false, and `not` of it is true."""

from __future__ import annotations

from collections.abc import Callable

from analytics.matchers.matcher import NAMED_COLUMNS, Comparison, Filter, Matcher
from events.columns import number_of_column, text_of_column
from storage.sql_pieces import Sql, joined

_SIGNS: dict[Comparison, str] = {
    "greater": ">",
    "less": "<",
    "greater_or_equal": ">=",
    "less_or_equal": "<=",
}

Holds = Callable[[Filter], Sql]
"""SQL that says whether a filter, which is never a `not`, holds for a row; never null."""


def holds_in_row(one: Filter) -> Sql:
    """Of a row of events itself."""
    match one.operator:
        case "equals" | "one_of":
            return _of_text(one, "{} = ANY(%s)", list(one.texts))
        case "contains":
            return _of_text(one, "strpos({}, %s) > 0", one.texts[0])
        case "exists":
            return _of_text(one, "({} <> '') = %s", one.is_there)
        case "not":
            raise ValueError("not holds others")
        case operator:
            return _compared(one, _SIGNS[operator])


def condition(matcher: Matcher, holds: Holds = holds_in_row) -> Sql:
    """True for the rows of events that match. Names and values travel as parameters.

    With another `holds` of rows made from events, which have kept event_name, event_type and event_category.
    """
    pieces = [
        Sql(f"{column} = %s", (value,))
        for column in NAMED_COLUMNS
        if (value := getattr(matcher, column)) is not None
    ]
    pieces += [_filter(one, holds) for one in matcher.filters]
    if matcher.any_of:
        pieces.append(_enclosed(joined([condition(one, holds) for one in matcher.any_of], " OR ")))
    return _enclosed(joined(pieces, " AND ")) if pieces else Sql("true")


def _filter(one: Filter, holds: Holds) -> Sql:
    plain = joined([holds(other) for other in one.plain], " AND ")
    return Sql(f"NOT ({plain.text})", plain.parameters) if one.operator == "not" else plain


def _of_text(one: Filter, template: str, value: object) -> Sql:
    column = text_of_column(one.column)
    return Sql(template.format(f"coalesce({column.text}, '')"), (*column.parameters, value))


def _compared(one: Filter, sign: str) -> Sql:
    column = number_of_column(one.column)
    if column is None:
        raise ValueError(f"{one.column} holds no number")
    return Sql(f"coalesce({column.text} {sign} %s, false)", (*column.parameters, one.number))


def _enclosed(piece: Sql) -> Sql:
    return Sql(f"({piece.text})", piece.parameters)

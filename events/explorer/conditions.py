"""Terms as SQL: one condition over a row of events, and where it names dimensions only, over roll-ups as well."""

from __future__ import annotations

import math
from collections.abc import Iterable

from events.explorer.fields import Field, field_of
from events.explorer.terms import NUMERIC, Term
from events.records import is_address
from projects.pages.page import Problem
from storage.day_slices import SLICE_SECONDS, day_slice_sql
from storage.ids import as_uuid, normal_trace_id
from storage.sql_pieces import Sql, joined

ID, PERSON = "id", "person"
EVERYTHING = Sql("true")

_NAMED_BY = "event_name, CASE WHEN event_type = 'log' THEN jsonb_extract_path_text(event_data, 'body') END"
_SLICES = ", ".join(map(str, range(86_400 // SLICE_SECONDS)))


def check(term: Term) -> None:
    """Raises Problem for a term that makes no sense."""
    if term.field != PERSON:
        condition_of(term)
    elif term.operator != "=" or not term.value:
        raise Problem("Ask for a person like person=<any of their ids>.")


def condition_of(term: Term) -> Sql:
    """What a term asks of an event; one about a person needs their ids, see `of_ids`. Raises Problem."""
    if not term.field and term.operator == "~":
        return Sql(f"strpos(lower(concat_ws(' ', {_NAMED_BY})), lower(%s)) > 0", (term.value,))
    if term.field == ID:
        return _with_id(term)
    field = field_of(term.field)
    if term.operator in NUMERIC:
        return _compared(field, term)
    text = field.text
    if term.operator == "exists":
        return Sql(f"coalesce({text.text}, '') <> ''", text.parameters)
    if term.operator == "missing" or (term.operator == "=" and not term.value):
        return Sql(f"coalesce({text.text}, '') = ''", text.parameters)
    if term.operator in ("~", "!~"):
        sign = ">" if term.operator == "~" else "="
        return Sql(
            f"strpos(lower(coalesce({text.text}, '')), lower(%s)) {sign} 0",
            (*text.parameters, term.value),
        )
    return _equal(field, term)


def of_ids(ids: list[str]) -> Sql:
    """The events of a person with these ids: a user id counts before an anonymous one."""
    return Sql("(user_id = ANY(%s) OR (user_id IS NULL AND anonymous_id = ANY(%s)))", (ids, ids))


def all_of(conditions: Iterable[Sql]) -> Sql:
    """All of them at once; `true` for none."""
    found = [Sql(f"({one.text})", one.parameters) for one in conditions]
    return joined(found, " AND ") if found else EVERYTHING


def _equal(field: Field, term: Term) -> Sql:
    value = term.value
    if field.name in ("trace_id", "span_id"):
        value = normal_trace_id(value)
    if field.name == "source_ip" and not is_address(value):
        raise Problem(f"{value[:60]!r} is not an IP address.")
    number = None if field.is_key else field.number
    left, right = (number, _number(term)) if number else (field.text, value)
    sign = "=" if term.operator == "=" else "IS DISTINCT FROM"
    return Sql(f"{left.text} {sign} %s", (*left.parameters, right))


def _compared(field: Field, term: Term) -> Sql:
    number = field.number
    if number is None:
        raise Problem(
            f"{field.name} holds text: only duration_ms, tags and properties can be more or less than a number."
        )
    return Sql(f"{number.text} {term.operator} %s", (*number.parameters, _number(term)))


def _number(term: Term) -> float:
    try:
        value = float(term.value)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Problem(f"{term.value[:60]!r} is not a number that {term.field} can be compared with.")
    return value


def _with_id(term: Term) -> Sql:
    if term.operator != "=":
        raise Problem("An id can only be equal to a value: id=<id>.")
    identifier = as_uuid(term.value)
    # Naming every slice of the day lets the index on ids serve it.
    slices = f"{day_slice_sql('event_timestamp')} IN ({_SLICES})"
    if identifier is None:
        return Sql(f"{slices} AND client_id = %s", (term.value,))
    return Sql(f"{slices} AND (client_id = %s OR id = %s)", (term.value, identifier))

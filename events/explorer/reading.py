"""Statements over the raw events of a selection, always between two times: partitions outside them are never opened."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from events.explorer.selection import Selection
from events.models import Event
from storage.sql_pieces import Sql


def selected(selection: Selection, columns: Sql, low: datetime, high: datetime) -> Sql:
    """SELECT of some columns of the events with `low <= time < high`; what orders and limits them may follow."""
    condition = selection.condition
    return Sql(
        f"SELECT {columns.text} FROM telemetry_events WHERE project_id = %s AND event_timestamp >= %s "
        f"AND event_timestamp < %s AND ({condition.text})",
        (*columns.parameters, selection.project_id, low, high, *condition.parameters),
    )


def around(before: str, inner: Sql, after: str, *parameters: Any) -> Sql:
    """A statement around another; the parameters are those of `after`."""
    return Sql(before + inner.text + after, (*inner.parameters, *parameters))


def fetch(statement: Sql) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement.text, list(statement.parameters))
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def matching(project_id: int, condition: Sql) -> QuerySet[Event]:
    """The events that meet a condition, of all times and in no order."""
    meets = RawSQL(condition.text, condition.parameters, output_field=BooleanField())
    return Event.objects.filter(meets, project_id=project_id)

"""Many events at once: copies of one that came by HTTP, put into its table past the front door."""

from __future__ import annotations

from datetime import datetime, timedelta

from psycopg import sql

from events.records import EVENTS
from projects.models import Project
from storage.connections import connect


def copy_event(source: Project, target: Project, start: datetime, count: int, step: timedelta) -> None:
    """Give `target` so many copies of the only event of `source`, one each `step` after `start`.

    The partitions must be there.
    """
    changed: dict[str, sql.Composable] = {
        "id": sql.SQL("gen_random_uuid()"),
        "project_id": sql.Literal(target.pk),
        "event_timestamp": sql.SQL("{start} + number * {step}").format(
            start=sql.Literal(start), step=sql.Literal(step)
        ),
    }
    values = [changed.get(column, sql.Identifier("event", column)) for column in EVENTS.columns]
    with connect() as own:
        own.execute(
            sql.SQL(
                "INSERT INTO telemetry_events ({columns}) SELECT {values} "
                "FROM (SELECT * FROM telemetry_events WHERE project_id = {source} LIMIT 1) AS event, "
                "generate_series(1, {count}) AS number"
            ).format(
                columns=sql.SQL(", ").join(map(sql.Identifier, EVENTS.columns)),
                values=sql.SQL(", ").join(values),
                source=sql.Literal(source.pk),
                count=sql.Literal(count),
            )
        )

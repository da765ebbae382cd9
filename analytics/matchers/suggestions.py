"""What may be entered into a matcher: names, fields and values that events of a project really have.

Names come from roll-ups, so all of them are offered; fields and values from a bounded sample of the newest events.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from events.columns import TEXT_COLUMNS, is_column, text_of_column
from events.explorer.walking import backwards
from events.models import Event
from events.queries import summary
from storage.rollups.summaries import Question
from storage.rollups.windows import DAY, EPOCH, Window
from storage.sql_pieces import Sql, joined

LOOK_BACK = timedelta(days=90)
MAX_NAMES = 500
MAX_KEYS = 200
MAX_VALUES = 50
MAX_LENGTH = 200
"""Of a value; nobody chooses longer ones from a list."""

SAMPLE = 2000
BUDGET_SECONDS = 1.0
"""For finding the sample: a list of suggestions that comes later is of no use."""

PLAIN_FIELDS = tuple(name for name in TEXT_COLUMNS if name not in {"id", "event_name"})


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something to enter, and in how many events it was seen; None where nobody counted."""

    value: str
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """The newest events of a project, of one name where it is given: those with `low <= time < high`."""

    project_id: int
    event_name: str
    low: datetime
    high: datetime

    @property
    def where(self) -> Sql:
        pieces = [
            Sql(
                "project_id = %s AND event_timestamp >= %s AND event_timestamp < %s",
                (self.project_id, self.low, self.high),
            )
        ]
        if self.event_name:
            pieces.append(Sql("event_name = %s", (self.event_name,)))
        return joined(pieces, " AND ")


def names(project_id: int, now: datetime, limit: int = MAX_NAMES) -> list[Suggestion]:
    """Event names of the last LOOK_BACK, the most frequent first; of a project that sends no more, of its last days."""
    found = _names_until(project_id, now, limit)
    if not found and (last_at := newest_at(project_id)):
        found = _names_until(project_id, last_at, limit)
    return found


def fields(project_id: int, event_name: str = "") -> list[Suggestion]:
    """Columns, and the keys of tags and properties in the newest events (of one name), the most frequent first."""
    plain = [Suggestion(name) for name in PLAIN_FIELDS]
    sample = sample_of(project_id, event_name)
    if sample is None:
        return plain
    rows = _of_sample(
        sample,
        Sql("tags, event_data"),
        f"""SELECT name, count(*) FROM sample CROSS JOIN LATERAL (
                SELECT 'tags.' || key FROM jsonb_object_keys(tags) AS key
                UNION ALL
                SELECT 'properties.' || key FROM jsonb_object_keys(event_data) AS key
            ) AS field (name)
            WHERE length(name) <= {MAX_LENGTH} GROUP BY name ORDER BY count(*) DESC, name LIMIT {MAX_KEYS}""",
    )
    # A key may be empty, which names no field.
    return [one for one in rows if is_column(one.value)] + plain


def values(project_id: int, field: str, event_name: str = "") -> list[Suggestion]:
    """The most frequent values of a field in the newest events (of one name). Raises ValueError for what is none."""
    if not is_column(field):
        raise ValueError(f"{field[:100]!r} is no field of events.")
    sample = sample_of(project_id, event_name)
    if sample is None:
        return []
    return _of_sample(
        sample,
        text_of_column(field),
        f"""SELECT value, count(*) FROM sample AS seen (value)
            WHERE value <> '' AND length(value) <= {MAX_LENGTH}
            GROUP BY value ORDER BY count(*) DESC, value LIMIT {MAX_VALUES}""",
    )


def sample_of(project_id: int, event_name: str = "") -> Sample | None:
    """Where the newest SAMPLE events lie, or as many as there was time to find; None where there are no events."""
    last_at = newest_at(project_id)
    if last_at is None:
        return None
    high = last_at + timedelta(microseconds=1)
    low, found = high, 0
    for low, piece_high in backwards(last_at - LOOK_BACK, high, BUDGET_SECONDS):
        where = Sample(project_id, event_name, low, piece_high).where
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT count(*), min(event_timestamp) FROM (
                        SELECT event_timestamp FROM telemetry_events WHERE {where.text}
                        ORDER BY event_timestamp DESC LIMIT %s) AS newest""",
                (*where.parameters, SAMPLE - found),
            )
            count, oldest = cursor.fetchone()
        found += count
        if found >= SAMPLE:
            return Sample(project_id, event_name, oldest, high)
    return Sample(project_id, event_name, low, high)


def newest_at(project_id: int) -> datetime | None:
    """When the project's newest event was; a step down an index."""
    events = Event.objects.filter(project_id=project_id).order_by("-event_timestamp", "-id")
    return events.values_list("event_timestamp", flat=True).first()


def _names_until(project_id: int, moment: datetime, limit: int) -> list[Suggestion]:
    end = moment - (moment - EPOCH) % DAY + DAY
    window = Window(end - LOOK_BACK, end, LOOK_BACK)
    question = Question(
        project_id=project_id,
        window=window,
        group_by=("event_name",),
        measures=("event_count",),
        limit=limit,
    )
    return [
        Suggestion(str(group.dimensions["event_name"]), sum(group.measures["event_count"]))
        for group in summary(question)
    ]


def _of_sample(sample: Sample, columns: Sql, counted: str) -> list[Suggestion]:
    """What `counted` makes of these columns of the sample: rows of (value, count)."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""WITH sample AS MATERIALIZED (
                    SELECT {columns.text} FROM telemetry_events WHERE {sample.where.text}
                    ORDER BY event_timestamp DESC LIMIT {SAMPLE}) {counted}""",
            (*columns.parameters, *sample.where.parameters),
        )
        return [Suggestion(*row) for row in cursor.fetchall()]

"""What people did after they were exposed, added up by variant: one statement, and one look at each raw event."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection

from analytics.experiments.comparing import Numbers, Sample, Share
from analytics.experiments.definitions import MAX_SHARES, MAX_TEXT, Definition, Metric
from analytics.matchers import condition
from analytics.models.experiments import MetricKind
from analytics.units import PERSON, from_events, unit_of_event
from events.columns import number_of_column, text_of_column
from storage.estimates import believed, of_project
from storage.sql_pieces import Sql, joined

LARGEST = "1e100"
"""Larger numbers don't count: sums of their squares would be beyond any float."""


@dataclass(frozen=True, slots=True)
class Question:
    """Exposures in `[start, end)`."""

    start: datetime
    end: datetime
    now: datetime


@dataclass(slots=True)
class Observed:
    """What one variant's people did: a sample a metric, in their order."""

    variant: str
    people: int
    samples: list[Sample]


@dataclass(slots=True)
class Reading:
    """`variants` are those that are compared, at most MAX_SHARES; people of others are counted in `others`.

    `mixed` people saw more than one variant. `open_people` has for each metric with a window how many of those compared
    are still within theirs.
    """

    variants: list[Observed] = field(default_factory=list)
    mixed: int = 0
    others: int = 0
    other_variants: list[str] = field(default_factory=list)
    days: list[tuple[date, str, int]] = field(default_factory=list)
    open_people: list[int | None] = field(default_factory=list)


def read(definition: Definition, question: Question) -> Reading:
    """Raises django.db.Error."""
    statement = _statement(definition, question)
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.parameters)
        parts: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for part, row in cursor.fetchall():
            # Django leaves JSON of a bare query as it comes.
            parts[part].append(json.loads(row))
    return _reading(definition, parts)


def _reading(definition: Definition, parts: dict[str, list[dict[str, Any]]]) -> Reading:
    found = Reading()
    for row in parts["variant"]:
        if row["variant"] is None:
            found.mixed = row["people"]
        elif row["is_compared"]:
            samples = [_sample(metric, n, row) for n, metric in enumerate(definition.metrics)]
            found.variants.append(Observed(row["variant"], row["people"], samples))
        else:
            found.others += row["people"]
            found.other_variants.append(row["variant"])
    for row in parts["rest"]:
        found.others += row["people"] or 0
    found.days = [(date.fromisoformat(row["day"]), row["variant"], row["people"]) for row in parts["day"]]
    for row in parts["open"]:
        found.open_people = [
            row[f"open{n}"] if metric.window else None for n, metric in enumerate(definition.metrics)
        ]
    return found


def _sample(metric: Metric, n: int, row: dict[str, Any]) -> Sample:
    if metric.kind == MetricKind.CONVERSION:
        return Share(row["people"], row[f"people{n}"])
    return Numbers(row[f"people{n}"], row[f"mean{n}"], row[f"variance{n}"])


def _statement(definition: Definition, question: Question) -> Sql:
    values = ["float8"] * len(definition.metrics)
    marks = [one for metric in definition.metrics for one in ("bool", "numeric")[: 1 + bool(metric.column)]]
    # Of a new project the planner knows nothing, and these are joined.
    tables = [
        ("relevant", believed(_relevant(definition, question), *_RELEVANT, *marks, "text")),
        ("exposed", believed(Sql(_EXPOSED), "text", "timestamptz", "uuid", "text")),
        ("measured", believed(_measured(definition, question), "text", *values)),
        ("by_variant", _by_variant(definition)),
        ("ranked", _ranked(definition)),
    ]
    named = joined(
        [Sql(f"{name} AS MATERIALIZED ({piece.text})", piece.parameters) for name, piece in tables]
    )
    parts = joined(_parts(definition, question), " UNION ALL ")
    return Sql(f"WITH {named.text} {parts.text}", (*named.parameters, *parts.parameters))


def _relevant(definition: Definition, question: Question) -> Sql:
    """Events of people that are an exposure (then `variant` says to what) or count for a metric."""
    unit, variant = unit_of_event(PERSON), text_of_column(definition.variant_column)
    exposure = condition(definition.exposure)
    marks = joined([_mark(n, metric) for n, metric in enumerate(definition.metrics)])
    return Sql(
        f"""SELECT * FROM (
                SELECT {unit.text} AS unit, event_timestamp, id, {marks.text},
                       CASE WHEN event_timestamp < %s AND {exposure.text}
                            THEN left(nullif({variant.text}, ''), {MAX_TEXT}) END AS variant
                FROM {from_events(PERSON, definition.project_id)}
                WHERE {of_project("%s")} AND event_timestamp >= %s AND event_timestamp < %s) AS event
            WHERE unit IS NOT NULL AND (variant IS NOT NULL OR {_is_any(definition)})""",
        (
            *unit.parameters,
            *marks.parameters,
            question.end,
            *exposure.parameters,
            *variant.parameters,
            definition.project_id,
            question.start,
            _last(definition, question),
        ),
    )


_RELEVANT = ("text", "timestamptz", "uuid")

_EXPOSED = """
    SELECT unit, min(event_timestamp) AS exposed_at, (array_agg(id ORDER BY event_timestamp, id))[1] AS exposed_id,
           CASE WHEN min(variant) = max(variant) THEN min(variant) END AS variant
    FROM relevant WHERE variant IS NOT NULL GROUP BY unit"""
"""Persons with their first exposure; those with more than one variant have none."""


def _measured(definition: Definition, question: Question) -> Sql:
    """What each exposed person did after their first exposure: a value a metric, null for nothing."""
    values = joined([_of_person(n, metric, question) for n, metric in enumerate(definition.metrics)])
    return Sql(
        f"""SELECT unit, {values.text} FROM relevant JOIN exposed USING (unit)
            WHERE ({_is_any(definition)}) AND exposed.variant IS NOT NULL
              AND (event_timestamp, id) > (exposed_at, exposed_id)
            GROUP BY unit""",
        values.parameters,
    )


def _is_any(definition: Definition) -> str:
    """Whether an event counts for some metric."""
    return " OR ".join(f"is{n}" for n in range(len(definition.metrics)))


def _last(definition: Definition, question: Question) -> datetime:
    """Where the events that count end: the window of who was exposed last may be open beyond the end."""
    windows = [metric.window for metric in definition.metrics if metric.window]
    return question.end + max(windows) if windows else question.end


def _mark(n: int, metric: Metric) -> Sql:
    """Whether the row counts for the metric, and its number."""
    matching = condition(metric.matcher)
    if metric.column is None:
        return Sql(f"{matching.text} AS is{n}", matching.parameters)
    number = number_of_column(metric.column)
    assert number is not None
    return Sql(
        f"{matching.text} AS is{n}, {number.text} AS number{n}", (*matching.parameters, *number.parameters)
    )


def _of_person(n: int, metric: Metric, question: Question) -> Sql:
    """Null for who has nothing that counts."""
    edge: timedelta | datetime = metric.window or question.end
    within = f"is{n} AND event_timestamp {'<= exposed_at +' if metric.window else '<'} %s"
    if metric.column is None:
        # 0 would be no conversion as well, but would count among those who have one.
        return Sql(f"nullif(count(*) FILTER (WHERE {within}), 0)::float8 AS value{n}", (edge,))
    function = "avg" if metric.kind == MetricKind.AVERAGE else "sum"
    is_small = f"number{n} BETWEEN -{LARGEST} AND {LARGEST}"
    return Sql(f"{function}(number{n}) FILTER (WHERE {within} AND {is_small})::float8 AS value{n}", (edge,))


def _by_variant(definition: Definition) -> Sql:
    """Each variant's people and figures; those who saw several come as the variant null."""
    figures = ", ".join(_figures(n, metric) for n, metric in enumerate(definition.metrics))
    return Sql(
        f"SELECT variant, count(*) AS people, {figures} FROM exposed LEFT JOIN measured USING (unit) GROUP BY variant"
    )


def _figures(n: int, metric: Metric) -> str:
    if metric.kind == MetricKind.CONVERSION:
        return f"count(value{n}) AS people{n}"
    value = f"coalesce(value{n}, 0)" if metric.kind == MetricKind.TOTAL else f"value{n}"
    return f"count({value}) AS people{n}, avg({value}) AS mean{n}, var_samp({value}) AS variance{n}"


def _ranked(definition: Definition) -> Sql:
    """Variants with whether they are compared: those that were planned, else the most frequent ones and the control."""
    planned = list(definition.shares)
    chosen = "variant = ANY(%s)" if planned else f"rank <= {MAX_SHARES}"
    return Sql(
        f"""SELECT *, variant IS NOT NULL AND {chosen} AS is_compared
            FROM (SELECT *, row_number() OVER (ORDER BY variant IS NULL, variant <> %s, people DESC, variant) AS rank
                  FROM by_variant) AS variant""",
        (*((planned,) if planned else ()), definition.control),
    )


def _parts(definition: Definition, question: Question) -> list[Sql]:
    shown = f"is_compared OR variant IS NULL OR rank <= {2 * MAX_SHARES}"
    rows = f"SELECT * FROM ranked WHERE {shown} ORDER BY variant"
    compared = "exposed JOIN (SELECT variant FROM ranked WHERE is_compared) AS compared USING (variant)"
    days = f"""SELECT (exposed_at AT TIME ZONE 'UTC')::date AS day, variant, count(*) AS people
               FROM {compared} GROUP BY 1, 2 ORDER BY 1, 2"""
    parts = [
        _part("variant", Sql(rows)),
        _part("rest", Sql(f"SELECT sum(people) AS people FROM ranked WHERE NOT ({shown})")),
        _part("day", Sql(days)),
    ]
    windows = [(n, metric.window) for n, metric in enumerate(definition.metrics) if metric.window]
    if windows:
        counts = joined(
            [
                Sql(f"count(*) FILTER (WHERE exposed_at > %s) AS open{n}", (question.now - w,))
                for n, w in windows
            ]
        )
        parts.append(_part("open", Sql(f"SELECT {counts.text} FROM {compared}", counts.parameters)))
    return parts


def _part(name: str, rows: Sql) -> Sql:
    return Sql(f"SELECT '{name}', to_jsonb(part) FROM ({rows.text}) AS part", rows.parameters)

"""Experiments that are in the data, so that one need not know how to describe them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection

from analytics.matchers.suggestions import LOOK_BACK, names
from events.columns import text_of_column
from events.explorer.walking import backwards
from storage.sql_pieces import Sql, joined

SAMPLE = 5000
MAX_SEEN = 50
MAX_LENGTH = 200
"""Of a name; longer ones are none."""


@dataclass(frozen=True, slots=True)
class Convention:
    """How a client says that somebody was shown a variant."""

    event_name: str
    key_column: str
    variant_column: str


CONVENTIONS = (
    Convention("experiment_viewed", "properties.experiment", "properties.variant"),
    # Segment's specification of A/B tests.
    Convention("Experiment Viewed", "properties.experiment_name", "properties.variation_name"),
    # PostHog, Amplitude and Mixpanel.
    Convention("$feature_flag_called", "properties.$feature_flag", "properties.$feature_flag_response"),
    Convention("$exposure", "properties.flag_key", "properties.variant"),
    Convention("$experiment_started", "properties.Experiment name", "properties.Variant name"),
)


@dataclass(slots=True)
class Seen:
    """An experiment with its variants, and in how many of the newest exposures they are; `first_at` is the oldest."""

    convention: Convention
    name: str
    first_at: datetime
    variants: dict[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(self.variants.values())

    @property
    def exposure(self) -> dict[str, object]:
        """The matcher of its exposures."""
        return {"event_name": self.convention.event_name, "filters": {self.convention.key_column: self.name}}

    @property
    def control(self) -> str:
        """The variant that is most likely the control."""
        usual = (name for name in self.variants if name.lower() in {"control", "baseline", "original", "off"})
        return next(usual, min(self.variants))


def seen(project_id: int, now: datetime) -> list[Seen]:
    """Among the newest SAMPLE exposures of any convention; the most frequent experiments first."""
    there = {one.value for one in names(project_id, now)}
    conventions = {one.event_name: one for one in CONVENTIONS if one.event_name in there}
    if not conventions:
        return []
    found: dict[tuple[str, str], Seen] = {}
    left = SAMPLE
    for low, high in backwards(now - LOOK_BACK, now + timedelta(hours=1)):
        for event_name, name, variant, count, first_at in _rows(
            project_id, list(conventions.values()), low, high, left
        ):
            one = found.setdefault((event_name, name), Seen(conventions[event_name], name, first_at))
            one.variants[variant] = one.variants.get(variant, 0) + count
            one.first_at = min(one.first_at, first_at)
            left -= count
        if left <= 0:
            break
    return sorted(found.values(), key=lambda one: -one.count)[:MAX_SEEN]


def _rows(
    project_id: int, conventions: Sequence[Convention], low: datetime, high: datetime, limit: int
) -> list[tuple[str, str, str, int, datetime]]:
    """(event name, experiment, variant, exposures, the oldest of them) of the newest exposures in a stretch of time."""
    key = _by_name([(one.event_name, one.key_column) for one in conventions])
    variant = _by_name([(one.event_name, one.variant_column) for one in conventions])
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT event_name, key, variant, count(*), min(event_timestamp)
                FROM (SELECT event_name, event_timestamp, {key.text} AS key, {variant.text} AS variant
                      FROM telemetry_events
                      WHERE project_id = %s AND event_timestamp >= %s AND event_timestamp < %s
                        AND event_name = ANY(%s)
                      ORDER BY event_timestamp DESC LIMIT %s) AS newest
                WHERE key <> '' AND variant <> '' AND greatest(length(key), length(variant)) <= {MAX_LENGTH}
                GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3""",
            (
                *key.parameters,
                *variant.parameters,
                project_id,
                low,
                high,
                [one.event_name for one in conventions],
                limit,
            ),
        )
        rows: list[tuple[str, str, str, int, datetime]] = cursor.fetchall()
    return rows


def _by_name(columns: Sequence[tuple[str, str]]) -> Sql:
    """The text of the column that belongs to the event's name."""
    cases = []
    for event_name, column in columns:
        text = text_of_column(column)
        cases.append(Sql(f"WHEN %s THEN {text.text}", (event_name, *text.parameters)))
    found = joined(cases, " ")
    return Sql(f"CASE event_name {found.text} END", found.parameters)

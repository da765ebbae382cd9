"""Who did what when, packed by the hour: what funnels and retention read instead of raw events.

`event_identifiers` numbers whoever is named by events. `event_trails` has one row an hour and event name, with three
columns of four-byte integers, highest byte first; the n-th of each is of the same event, and events lie in any order:

* `numbers`: the identifier's number;
* `times`: the lower half of PostgreSQL's own time, microseconds since 2000. `bucket` gives the rest, as an hour has
  fewer than 2^32;
* `ranks`: the event's place among all events of the bucket that name somebody, by time, equal times by id. So no id
  has to be kept, and what lies in several rows can be put in order.

12 bytes an event, where its raw row has some 500. The running hour has no trails: packing it once more each minute
would cost as much again as packing it when it is over, and there is little to read.
"""

from __future__ import annotations

from events.records import EVENTS
from storage.estimates import SOME, no_rows
from storage.registry import Table, register, rollup_table
from storage.rollups.registry import Tier

IDENTIFIER = "coalesce(user_id, anonymous_id)"
"""Whom an event names; null where it names nobody."""

PACKED = """string_agg(int4send(number), ''::bytea) AS numbers,
            string_agg(substring(timestamptz_send(event_timestamp) FROM 5), ''::bytea) AS times,
            string_agg(int4send(rank::int), ''::bytea) AS ranks"""
"""The columns of a trail, of a group of rows with `number`, `event_timestamp` and `rank`."""

RANK = "row_number() OVER (PARTITION BY project_id, bucket ORDER BY event_timestamp, id) AS rank"

_IDENTIFIERS = register(
    Table(
        name="event_identifiers",
        columns=(),
        key=(),
        # As long as the trails that use its numbers: `seen_before` lies behind all of them.
        retention="rollup_hours",
        time_column="seen_before",
        partitioned=False,
    )
)

_WHO = (
    f"SELECT project_id, {IDENTIFIER} AS identifier, max(event_timestamp) AS last_seen_at FROM {EVENTS.name}"
)
# In the order of the index, which makes the look-ups below twice as fast.
_SEEN = f"{_WHO} WHERE {{window}} AND {IDENTIFIER} IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"

KNOWN = """
    LATERAL (
        SELECT number, seen_before FROM event_identifiers AS known
        WHERE known.project_id = seen.project_id AND known.identifier = seen.identifier LIMIT 1
    ) AS known"""
"""To join to `seen`. A look-up for each row: another join would read all identifiers that there ever were."""

# `seen_before` is the end of the month after the one in which an identifier was last seen: one write a month, not one
# an event; and a purge that takes identifiers first leaves no trail without one.
_NUMBER = f"""
    INSERT INTO event_identifiers (project_id, identifier, number, seen_before)
    WITH seen AS MATERIALIZED ({_SEEN}), found AS MATERIALIZED (
        SELECT seen.project_id, identifier, number, known.seen_before AS known_before,
               date_trunc('month', last_seen_at, 'UTC') + interval '2 months' AS seen_before
        FROM seen LEFT JOIN {KNOWN} ON true
    ), highest AS MATERIALIZED (
        SELECT project_id, coalesce(
                   (SELECT max(number) FROM event_identifiers AS known WHERE known.project_id = asked.project_id), 0
               ) AS highest
        FROM (SELECT DISTINCT project_id FROM found WHERE number IS NULL) AS asked
    )
    SELECT project_id, identifier,
           coalesce(number, highest + row_number() OVER (PARTITION BY project_id, number IS NULL)), seen_before
    FROM found LEFT JOIN highest USING (project_id)
    WHERE number IS NULL OR known_before < seen_before
    ON CONFLICT (project_id, identifier) DO UPDATE SET seen_before = excluded.seen_before"""

_PACK = f"""
    INSERT INTO event_trails (project_id, bucket, event_name, numbers, times, ranks)
    WITH event AS (
        SELECT project_id, date_trunc('hour', event_timestamp, 'UTC') AS bucket, event_name, event_timestamp, id,
               {IDENTIFIER} AS identifier
        FROM {EVENTS.name} WHERE {{window}} AND {IDENTIFIER} IS NOT NULL
        UNION ALL {no_rows(SOME, "bigint", "timestamptz", "text", "timestamptz", "uuid", "text")}
    ), person AS MATERIALIZED (
        SELECT seen.project_id, identifier, number FROM ({_SEEN}) AS seen CROSS JOIN {KNOWN}
        UNION ALL {no_rows(SOME, "bigint", "text", "int")}
    )
    SELECT project_id, bucket, event_name, {PACKED}
    FROM (SELECT *, {RANK} FROM event) AS ranked JOIN person USING (project_id, identifier)
    GROUP BY project_id, bucket, event_name"""

IDENTIFIERS = Tier(_IDENTIFIERS, _NUMBER)
"""A set: filled before the trails, so that everybody in them has a number."""

TRAILS = Tier(rollup_table("event_trails", "hours"), _PACK)

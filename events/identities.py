"""Which ids are the same person: links from an id to the user id it was said to be. No Django here.

A link is made only where a client says so (Segment's `identify` and `alias`), never because an event names two ids.
The first link of an id wins, as PostHog merges nobody who was identified before: on a shared device the next one to
log in must not become one person with the one before. A person is named by the id at the end of the links; of links
that lead in a circle the last one made doesn't count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial

import msgspec

from storage.estimates import of_project
from storage.fields import Name
from storage.known import Known
from storage.records import Bounds, RecordError, Write
from storage.registry import Table, register

IDENTITY_LINKS = register(
    Table(
        name="identity_links",
        columns=("project_id", "identifier", "user_id", "linked_at"),
        key=("project_id", "identifier"),
        retention=None,
        time_column="linked_at",
        partitioned=False,
        beside=True,
        expects_repeats=True,
        words="Links between ids of a person",
    )
)

MAX_STEPS = 10
"""How many links lead from an id to its person at most; what is further away is another person."""

_GOES_ON = f"following <> ALL(path) AND cardinality(path) <= {MAX_STEPS}"
"""SQL: whether a walk along the links has not ended yet; null where there is no further link."""

_Key = tuple[int, str]
_known: Known[_Key, None] = Known(limit=100_000)
"""(project, identifier) that this process has seen linked: clients say the same at each log-in."""


class IdentityRecord(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`identifier` is `user_id`."""

    identifier: Name
    user_id: Name


class Link(msgspec.Struct, frozen=True):
    """A stored link."""

    user_id: str
    linked_at: datetime


def prepare(records: Iterable[tuple[int, IdentityRecord]], bounds: Bounds) -> tuple[Write, list[RecordError]]:
    """Rows for links that this process hasn't stored yet."""
    write = Write(IDENTITY_LINKS)
    linked: dict[_Key, None] = {}
    for index, record in records:
        key = (bounds.project_id, record.identifier)
        if key in linked or record.identifier == record.user_id:
            continue
        linked[key] = None
        if key not in _known:
            write.add(index, (*key, record.user_id, bounds.received_at))
    write.committed = partial(_known.remember, linked)
    return write, []


def forget_known() -> None:
    """Drop what this process knows; deleting rows elsewhere makes it wrong."""
    _known.forget()


def person_of(identifier: str, links: Mapping[str, Link]) -> str:
    """The id at the end of the links, at most MAX_STEPS away. Pure; `links` need only hold those on the way."""
    path = [identifier]
    while len(path) <= MAX_STEPS and (link := links.get(path[-1])):
        if link.user_id in path:
            circle = path[path.index(link.user_id) :]
            return max(circle, key=lambda one: (links[one].linked_at, one))
        path.append(link.user_id)
    return path[-1]


def persons_of(project_id: str, which: str = "true") -> str:
    """SQL: `(identifier, person)` of every linked id of a project, for joins; ids without a link are themselves.

    `project_id` is SQL, such as `%(project_id)s`; `which` too, about `link.identifier`: whose persons are asked for.
    Says what `person_of` says. Most links lead nowhere further, and cost one look into the key: no row, no path.
    """
    # Named once more around the recursion: Citus joins distributed tables with no query that it stands in openly.
    return f"""
        WITH person_of_linked AS MATERIALIZED (
            WITH RECURSIVE link AS MATERIALIZED (
                SELECT link.identifier, link.user_id, further.identifier IS NOT NULL AS leads_further
                FROM identity_links AS link LEFT JOIN identity_links AS further
                    ON {of_project(project_id, "further")} AND further.identifier = link.user_id
                WHERE {of_project(project_id, "link")} AND {which}
            ), walk AS (
                SELECT identifier, ARRAY[identifier] AS path, user_id AS following FROM link WHERE leads_further
                UNION ALL
                SELECT identifier, path || following, step.user_id
                FROM walk LEFT JOIN LATERAL (
                    SELECT user_id FROM identity_links AS step
                    WHERE {of_project(project_id, "step")} AND step.identifier = following LIMIT 1
                ) AS step ON true
                WHERE {_GOES_ON}
            )
            SELECT identifier, user_id AS person FROM link WHERE NOT leads_further
            UNION ALL
            SELECT identifier, CASE WHEN following = ANY(path) AND cardinality(path) <= {MAX_STEPS} THEN (
                       SELECT step.identifier FROM identity_links AS step
                       WHERE {of_project(project_id, "step")}
                         AND step.identifier = ANY(path[array_position(path, following):])
                       ORDER BY linked_at DESC, step.identifier COLLATE "C" DESC LIMIT 1
                   ) ELSE path[cardinality(path)] END
            FROM walk WHERE ({_GOES_ON}) IS NOT TRUE
        )
        SELECT identifier, person FROM person_of_linked
    """

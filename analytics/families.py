"""Many ids at once with everything that is the same person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from django.db import connection

from events.identities import MAX_STEPS, Link, person_of
from storage.estimates import of_project

_IS_OF_PROJECT = of_project("%(project_id)s", "link")


def families(project_id: int, identifiers: Sequence[str]) -> dict[str, str]:
    """Each of these ids and every other id of the same persons -> the person. A few queries, however many ids."""
    found = dict.fromkeys(identifiers, None)
    links: dict[str, Link] = {}
    fringe = list(found)
    # To the ends of the links and back: at most so many steps each way.
    for _ in range(2 * MAX_STEPS):
        new: dict[str, None] = {}
        for identifier, link in _links(project_id, fringe).items():
            links[identifier] = link
            new |= {one: None for one in (identifier, link.user_id) if one not in found}
        if not new:
            break
        found |= new
        fringe = list(new)
    persons = {one: person_of(one, links) for one in found}
    asked = {persons[one] for one in identifiers}
    return {one: person for one, person in persons.items() if person in asked}


def _links(project_id: int, identifiers: Sequence[str]) -> dict[str, Link]:
    """By identifier: the links from and to these ids."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""WITH asked AS MATERIALIZED (
                   SELECT identifier FROM json_array_elements_text(%(ids)s) AS asked (identifier)
               )
               SELECT link.identifier, user_id, linked_at FROM asked JOIN identity_links AS link
                   ON {_IS_OF_PROJECT} AND link.identifier = asked.identifier
               UNION
               SELECT link.identifier, user_id, linked_at FROM asked JOIN identity_links AS link
                   ON {_IS_OF_PROJECT} AND link.user_id = asked.identifier""",
            _parameters(project_id, identifiers),
        )
        return {identifier: Link(user_id, linked_at) for identifier, user_id, linked_at in cursor.fetchall()}


def _parameters(project_id: int, identifiers: Sequence[str]) -> dict[str, Any]:
    # As JSON: a list of parameters takes many times as long to write.
    return {"project_id": project_id, "ids": msgspec.json.encode(identifiers).decode()}


def linked(project_id: int, identifiers: Sequence[str]) -> list[str]:
    """Those of the ids that some link names."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT identifier FROM json_array_elements_text(%(ids)s) AS asked (identifier)
               WHERE EXISTS (SELECT FROM identity_links AS link
                             WHERE {_IS_OF_PROJECT} AND link.identifier = asked.identifier)
                  OR EXISTS (SELECT FROM identity_links AS link
                             WHERE {_IS_OF_PROJECT} AND link.user_id = asked.identifier)""",
            _parameters(project_id, identifiers),
        )
        return [identifier for (identifier,) in cursor.fetchall()]

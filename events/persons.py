"""Persons in the database: everything that was sent under any of somebody's ids."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from events.identities import MAX_STEPS, Link, person_of
from events.models import Event, IdentityLink

MAX_IDS = 1000
"""Of one person; more are no person but a bug of a client, and would make a slow query."""


def person(project_id: int, identifier: str) -> str:
    """The id that the links of this one lead to; the id itself where it has none."""
    return person_of(identifier, _links_from(project_id, identifier))


def ids_of_person(project_id: int, identifier: str) -> list[str]:
    """All ids of the person with this id, the person's own first; at most MAX_IDS."""
    named = person(project_id, identifier)
    found = {named: None}
    fringe = [named]
    for _ in range(MAX_STEPS):
        rows = IdentityLink.objects.filter(project_id=project_id, user_id__in=fringe).order_by("linked_at")
        fringe = [
            one
            for one in rows.values_list("identifier", flat=True)[: MAX_IDS - len(found)]
            if one not in found
        ]
        if not fringe:
            break
        found.update(dict.fromkeys(fringe))
    return list(found)


def of_person(events: QuerySet[Event], project_id: int, identifier: str) -> QuerySet[Event]:
    """The events of a person: a user id counts before an anonymous one."""
    ids = ids_of_person(project_id, identifier)
    return events.filter(Q(user_id__in=ids) | Q(user_id=None, anonymous_id__in=ids))


def _links_from(project_id: int, identifier: str) -> dict[str, Link]:
    """The links on the way from an id, one look-up a step."""
    links: dict[str, Link] = {}
    following = identifier
    while following not in links and len(links) <= MAX_STEPS:
        row = IdentityLink.objects.filter(project_id=project_id, identifier=following).first()
        if row is None:
            break
        links[following] = Link(row.user_id, row.linked_at)
        following = row.user_id
    return links

"""What is asked about sessions."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from analytics.units import PERSON
from projects.models import Project


class Place(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Where a page of sessions ends: the key of its last one."""

    started_at: datetime
    unit: str
    session: str

    def encoded(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


def place_of(cursor: str) -> Place:
    """Raises ValueError for a cursor that this platform did not make."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        place = msgspec.json.decode(text, type=Place)
        # PostgreSQL refuses offsets that Python takes.
        moment = place.started_at.astimezone(UTC)
    except (ValueError, OverflowError, binascii.Error, msgspec.MsgspecError) as error:
        raise ValueError("This cursor is not one of ours.") from error
    if place.started_at.tzinfo is None or "\0" in place.unit + place.session:
        raise ValueError("This cursor is not one of ours.")
    return msgspec.structs.replace(place, started_at=moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Sessions of a project's events in `[start, end)`; None is open. `after` is where the page before ended.

    Without a `session_id`, whoever is silent for longer than `gap` comes back for another session.
    """

    project_id: int
    gap: timedelta
    start: datetime | None = None
    end: datetime | None = None
    unit: str = PERSON
    page_size: int = 100
    after: Place | None = None


def gap_of(project_id: int) -> timedelta:
    """The gap that the project is set to."""
    minutes = Project.objects.values_list("session_gap_minutes", flat=True).get(pk=project_id)
    return timedelta(minutes=minutes)

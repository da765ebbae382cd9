"""Deploys, as pipelines send them: events named or typed so. Charts mark them, the overview lists them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from events.models import Event

IS_DEPLOY = Q(event_name__in=("deploy", "deployment")) | Q(event_type="deployment")
"""The condition of the index `telemetry_events_deploys`: asked for in other words, all events would be read."""

_WHAT = ("service", "service_name", "app", "application", "name")
_VERSION = ("version", "release", "service.version", "tag", "commit", "sha")
MAX_PART = 40


@dataclass(frozen=True, slots=True)
class Deploy:
    """One deploy; `label` is what was deployed, as far as its event says: "deploy web 1.42"."""

    id: UUID
    at: datetime
    label: str


def deploys(project_id: int, start: datetime, end: datetime, limit: int = 20) -> list[Deploy]:
    """The newest with `start <= time < end`, newest first. One query of an index that holds nothing else."""
    rows = Event.objects.filter(
        IS_DEPLOY, project_id=project_id, event_timestamp__gte=start, event_timestamp__lt=end
    ).order_by("-event_timestamp")
    return [Deploy(row.id, row.event_timestamp, deploy_label(row)) for row in rows[:limit]]


def deploy_label(event: Event) -> str:
    """The event's name, what was deployed, and its version; tags go before properties, the source stands in."""
    fields = {**_members(event.event_data), **_members(event.tags)}
    what = _first(fields, _WHAT) or (event.source or "")
    parts = (event.event_name, what, _first(fields, _VERSION))
    return " ".join(part[:MAX_PART] for part in parts if part)


def _members(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(fields: dict[str, Any], names: tuple[str, ...]) -> str:
    found = (fields.get(name) for name in names)
    return next((str(value) for value in found if isinstance(value, str | int | float) and value != ""), "")

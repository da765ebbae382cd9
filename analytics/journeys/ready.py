"""The journey that every project has: time to first value."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from analytics.models.journeys import Journey, Milestone
from projects.models import Project

TTF = "ttf"

_DESCRIPTION = (
    "From signing up to the first success. A stage's minutes count from the milestone before; "
    "the targets add up to 60 minutes."
)
_MILESTONES: tuple[tuple[str, str, str, float | None], ...] = (
    ("signup", "Signed up", "user_signed_up", None),
    ("project", "First project", "first_project_created", 5),
    ("agent", "First agent", "first_agent_created", 10),
    ("workflow", "First workflow", "first_workflow_executed", 15),
    ("success", "First success", "first_success_event", 30),
)
"""(key, name, event name, target minutes)."""


def ensure_ready(project_ids: Collection[int] | None = None) -> None:
    """Make the journey in these projects, or in all, where it isn't there."""
    projects = Project.objects.exclude(pk__in=Journey.objects.filter(slug=TTF).values("project"))
    if project_ids is not None:
        projects = projects.filter(pk__in=project_ids)
    for project in projects:
        with transaction.atomic():
            journey, is_made = Journey.objects.get_or_create(
                project=project,
                slug=TTF,
                defaults={"name": "Time to first value", "description": _DESCRIPTION},
            )
            if is_made:
                Milestone.objects.bulk_create(_milestones(journey))


def _milestones(journey: Journey) -> list[Milestone]:
    return [
        Milestone(
            journey=journey,
            position=position,
            key=key,
            name=name,
            matcher={"event_name": event_name},
            target_minutes=target,
        )
        for position, (key, name, event_name, target) in enumerate(_MILESTONES, start=1)
    ]

"""People on journeys: sent through the API, looked at by the upkeep when a test says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from analytics.journeys import upkeep
from analytics.journeys.changes import event_rollup
from analytics.journeys.definitions import Definition, current
from analytics.journeys.measures import Reached, earliest
from analytics.matchers import matches
from analytics.models.journeys import Journey, Milestone
from events.identities import Link, person_of
from events.models import IdentityLink
from projects.models import Project
from storage.rollups import engine
from tests.clients import ProjectClient, counts

NOW = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=30)
TTF_EVENTS = (
    "user_signed_up",
    "first_project_created",
    "first_agent_created",
    "first_workflow_executed",
    "first_success_event",
)


@dataclass(frozen=True)
class Seen:
    """An event of somebody, so many seconds before NOW."""

    seconds_ago: float
    event_name: str
    user_id: str | None = None
    anonymous_id: str | None = None
    plan: str | None = None

    @property
    def at(self) -> datetime:
        return NOW - timedelta(seconds=self.seconds_ago)

    def as_json(self) -> dict[str, Any]:
        named = {"user_id": self.user_id, "anonymous_id": self.anonymous_id}
        return {
            "event_name": self.event_name,
            "timestamp": self.at.isoformat(),
            "properties": {"plan": self.plan} if self.plan else {},
            **{name: value for name, value in named.items() if value},
        }


def send(api: ProjectClient, events: Sequence[Seen]) -> None:
    if events:
        answer = api.post("/api/v1/events", {"events": [event.as_json() for event in events]})
        assert counts(answer) == (len(events), 0, 0)


def ttf_events(user_id: str, minutes: Iterable[float], *, started_ago: float = 600) -> list[Seen]:
    """The milestones one after the other, each so many minutes after signing up; `started_ago` in minutes."""
    return [
        Seen(60 * (started_ago - after), name, user_id)
        for name, after in zip(TTF_EVENTS, [0, *minutes], strict=False)
    ]


def link(api: ProjectClient, anonymous_id: str, user_id: str) -> None:
    assert api.post("/v1/identify", {"anonymousId": anonymous_id, "userId": user_id}).status_code == 200


def roll_up(project: Project, now: datetime | None = None) -> None:
    engine.advance(event_rollup(), now or datetime.now(UTC), lambda: [project.pk])
    assert engine.recompute(event_rollup())


def settle(project: Project, now: datetime | None = None) -> None:
    """Everything that was sent is rolled up and looked at, but for the last minutes."""
    roll_up(project)
    assert upkeep.follow(now or datetime.now(UTC))


def make_journey(project: Project, matchers: Mapping[str, object], slug: str = "buying") -> Definition:
    """A journey over these milestones, by key; a target of 10 minutes for each stage."""
    journey = Journey.objects.create(project=project, slug=slug, name=slug)
    for position, (key, matcher) in enumerate(matchers.items()):
        Milestone.objects.create(
            journey=journey, position=position, key=key, name=key, matcher=matcher, target_minutes=10
        )
    return current(journey)


def naive_times(definition: Definition, events: Iterable[Seen]) -> dict[str, Reached]:
    """When each person reached each milestone, from plain lists of events and the links that are stored."""
    links = {
        row.identifier: Link(row.user_id, row.linked_at)
        for row in IdentityLink.objects.filter(project=definition.project_id)
    }
    times: dict[str, list[Reached]] = {}
    for event in events:
        identifier = event.user_id or event.anonymous_id
        hits = [event.at if matches(matcher, event.as_json()) else None for matcher in definition.matchers]
        if identifier and any(hits):
            times.setdefault(person_of(identifier, links), []).append(hits)
    return {person: earliest(of_one) for person, of_one in times.items()}

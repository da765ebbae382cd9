"""The services of a project with their numbers over a time range, from roll-ups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from projects.pages.time_range import TimeRange
from storage.rollups.summaries import Group, Question
from traces.queries import summary
from traces.service_state import Half, ServiceState, state_of

MOST_SERVICES = 200
MOST_BUCKETS = 60
"""As on the overview, so that both judge a service by the same stretches."""
MEASURES = ("span_count", "error_count", "duration_p95_ms")


@dataclass(frozen=True, slots=True)
class Service:
    """A service's numbers over the range, of all its spans."""

    name: str
    rate_per_second: float
    numbers: Half
    state: ServiceState


@dataclass(frozen=True, slots=True)
class Services:
    """The busiest; `is_cut`: there are more than MOST_SERVICES."""

    found: Sequence[Service]
    is_cut: bool


def services_of(project_id: int, time_range: TimeRange, now: datetime) -> Services:
    """Those in trouble first, then by rate; judged against the stretch before. One statement.

    Both stretches in one, so that a service isn't called silent for being beyond the limit of one of them.
    """
    shown = time_range.window(MOST_BUCKETS)
    passed = max(min(shown.end, now) - shown.start, shown.interval).total_seconds()
    question = Question(
        project_id=project_id,
        window=time_range.halves(MOST_BUCKETS),
        group_by=("service_name",),
        measures=MEASURES,
        limit=MOST_SERVICES + 1,
    )
    groups = summary(question)
    services = [_service(group, passed) for group in groups[:MOST_SERVICES]]
    ordered = sorted(services, key=lambda one: (one.state.rank, -one.rate_per_second, one.name))
    return Services(ordered, is_cut=len(groups) > MOST_SERVICES)


def _service(group: Group, passed_seconds: float) -> Service:
    before, found = (
        Half(int(spans or 0), int(errors or 0), p95_ms)
        for spans, errors, p95_ms in zip(*(group.measures[name] for name in MEASURES), strict=True)
    )
    name = str(group.dimensions["service_name"])
    return Service(name, found.span_count / passed_seconds, found, state_of(before, found))

"""Services at a glance: how busy, how many errors, how slow, and that in one word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from storage.rollups.summaries import Group, Question
from telemetry_platform.overview.courses import ratio_of
from telemetry_platform.overview.periods import Periods
from telemetry_platform.overview.requests import P95
from traces import queries as traces
from traces.service_state import Half, ServiceState, state_of

SHOWN = 10
MOST_SERVICES = 200


@dataclass(frozen=True, slots=True)
class Service:
    """One service in the period shown. Ratio and duration are None where it sent nothing."""

    name: str
    rate_per_second: float
    error_ratio: float | None
    p95_ms: float | None
    state: ServiceState


def read(project_id: int, periods: Periods) -> list[Service]:
    """The MOST_SERVICES busiest, those in trouble first, then by rate. One query."""
    found = traces.summary(
        Question(
            project_id=project_id,
            window=periods.halves,
            group_by=("service_name",),
            measures=("span_count", "error_count", P95),
            limit=MOST_SERVICES,
        )
    )
    services = [_service(group, periods.passed_seconds) for group in found]
    return sorted(services, key=lambda one: (one.state.rank, -one.rate_per_second, one.name))


def _service(group: Group, seconds: float) -> Service:
    columns: Sequence[Sequence[float | None]] = [
        group.measures[name] for name in ("span_count", "error_count", P95)
    ]
    before, now = (
        Half(int(spans or 0), int(errors or 0), p95) for spans, errors, p95 in zip(*columns, strict=True)
    )
    return Service(
        name=group.dimensions["service_name"] or "",
        rate_per_second=now.span_count / seconds,
        error_ratio=ratio_of(now.error_count, now.span_count),
        p95_ms=now.p95_ms,
        state=state_of(before, now),
    )

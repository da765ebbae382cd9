"""How requests fare: errors and durations of spans, or of events in projects that send no spans. All from roll-ups."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from events import queries as events
from storage.rollups.summaries import Group, Question
from storage.rollups.windows import Window
from telemetry_platform.overview.courses import Course, ratio_of
from telemetry_platform.overview.periods import Periods
from traces import queries as traces

P95 = "duration_p95_ms"


Source = Literal["spans", "events"]


@dataclass(frozen=True, slots=True)
class Requests:
    """`of` says what was counted: spans, or events where there are none."""

    of: Source
    error_ratio: Course
    p95_ms: Course


def read(project_id: int, periods: Periods, sources: Collection[Source]) -> Requests | None:
    """Of spans, else of events; only of these sources.

    Two queries, three where there are no spans; None where there is nothing at all.
    """
    found = None
    if "spans" in sources:
        found = _read("spans", "span_count", traces.summary, project_id, periods)
    if found is None and "events" in sources:
        found = _read("events", "event_count", events.summary, project_id, periods)
    return found


def _read(
    of: Source,
    count: str,
    summary: Callable[[Question], list[Group]],
    project_id: int,
    periods: Periods,
) -> Requests | None:
    measures = (count, "error_count", P95)

    def asked(window: Window) -> Question:
        return Question(project_id=project_id, window=window, measures=measures)

    # Percentiles can't be added up, so the whole is asked for beside its buckets.
    halves = summary(asked(periods.halves))
    if not halves:
        return None
    buckets = summary(asked(periods.shown))
    ratios = _ratios(halves[0], count)
    p95 = halves[0].measures[P95]
    return Requests(
        of,
        Course(ratios[1], ratios[0], _ratios(buckets[0], count) if buckets else ()),
        Course(p95[1], p95[0], buckets[0].measures[P95] if buckets else ()),
    )


def _ratios(group: Group, count: str) -> Sequence[float | None]:
    pairs = zip(group.measures["error_count"], group.measures[count], strict=True)
    return [ratio_of(errors, all_of_them) for errors, all_of_them in pairs]

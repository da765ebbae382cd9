"""What is asked about usage, read from what people gave. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from analytics.matchers import Matcher
from analytics.usage.periods import PeriodName, Periods, floor, following_start, periods_of
from storage.rollups.windows import EPOCH

DEFAULT_LENGTHS: Final[dict[PeriodName, timedelta]] = {
    "day": timedelta(days=30),
    "week": timedelta(weeks=12),
    "month": timedelta(days=365),
}
"""How far back a question goes that doesn't say."""

MAX_PERIODS = 400
"""More than a year of days, which is how long roll-ups are kept unless a project keeps them longer."""


LATEST = datetime(9000, 1, 1, tzinfo=UTC)


class UsageError(ValueError):
    """What was asked makes no sense; `key` names the parameter."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}")
        self.key = key
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Usage of a project in some periods. Names are of events; None: any event."""

    project_id: int
    period: PeriodName
    periods: Periods
    event_name: str | None = None
    """What counts; for cohorts, what begins one."""
    returning_event: str | None = None
    """For cohorts: what counts as coming back."""


def asked_periods(
    name: PeriodName, start: datetime | None, end: datetime | None, now: datetime, most: int = MAX_PERIODS
) -> Periods:
    """Whole periods that `[start, end)` touches, the last ones up to now by default. Raises UsageError."""
    last = end or now
    if last > LATEST or (start or last) < EPOCH:
        raise UsageError("start", "Start and end must lie in the years 1970 to 9000.")
    first = start or max(last - DEFAULT_LENGTHS[name], EPOCH)
    if first >= last:
        raise UsageError("start", "Must be before end.")
    if last - first > most * timedelta(days=31):
        raise UsageError("start", f"At most {most} periods are answered.")
    periods = periods_of(name, first, last)
    if (count := len(periods.starts)) > most:
        raise UsageError(
            "start",
            f"{count} {name}s, and at most {most} are answered: take a longer period or a later start.",
        )
    return periods


def cell_question(project_id: int, given: Mapping[str, Any]) -> Question:
    """One cell of the retention table: from the cohort's period to that in which people came back. Raises UsageError.

    `given` are the API's parameters. Without `later` the whole cohort: who began has done what begins it.
    """
    period: PeriodName = given["period"]
    cohort, later = given["cohort"], given.get("later")
    if not EPOCH <= cohort <= LATEST:
        raise UsageError("cohort", "Must lie in the years 1970 to 9000.")
    starts = [floor(period, cohort.astimezone(UTC))]
    for _ in range(later or 0):
        starts.append(following_start(period, starts[-1]))
    began = given.get("cohort_event")
    return Question(
        project_id=project_id,
        period=period,
        periods=Periods(tuple(starts), following_start(period, starts[-1])),
        event_name=began,
        returning_event=began if later is None else given.get("returning_event"),
    )


def matcher_of(event_name: str | None) -> Matcher | None:
    return Matcher(event_name=event_name) if event_name else None

"""Questions about usage, answered from what is stored. Each raises django.db.Error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from analytics.matchers import Matcher
from analytics.usage import active, adoption, cohorts, lifecycle
from analytics.usage.features import Defined
from analytics.usage.periods import Periods, floor, periods_of
from analytics.usage.question import Question, matcher_of
from analytics.usage.reading import read, read_ends


def active_days(question: Question) -> list[active.ActiveDay]:
    """Active people of each day; the question's period is the day."""
    periods = question.periods
    with_month = periods_of("day", periods.start - timedelta(days=active.MONTH_DAYS - 1), periods.end)
    (seen,) = read(question.project_id, [matcher_of(question.event_name)], with_month)
    return active.active_days(seen, periods.start)


def retention(question: Question) -> list[cohorts.Cohort]:
    """A cohort for each period."""
    found = read(question.project_id, _both(question), question.periods, with_before=True)
    return cohorts.cohorts(found[0], found[-1])


@dataclass(frozen=True, slots=True)
class CellPeople:
    """Who is behind a number of the retention table: how many, and some of them by name."""

    count: int
    names: list[str]


def cell_people(question: Question, skipped: int, most: int) -> CellPeople:
    """Who began in the question's first period and came back in its last one.

    In the order of their numbers: whoever has none yet comes last, until the hour is rolled up.
    """
    found, known = read_ends(question.project_id, _both(question), question.periods)
    people = cohorts.of_cell(found[0], found[-1])
    return CellPeople(len(people), known.of(people[skipped : skipped + most]))


def lifecycle_periods(question: Question) -> list[lifecycle.LifecyclePeriod]:
    """Who is new, returning, resurrecting and dormant in each period."""
    periods = question.periods
    # The period before the first says who was there then.
    earlier = floor(question.period, periods.start - timedelta(microseconds=1))
    longer = replace(periods, starts=(earlier, *periods.starts))
    (seen,) = read(question.project_id, [matcher_of(question.event_name)], longer, with_before=True)
    return lifecycle.lifecycle(seen)


def adoption_of_all(project_id: int, features: Sequence[Defined], periods: Periods) -> list[adoption.Shares]:
    """Each feature's adoption, in the order in which they are given."""
    *used, anything = read(project_id, [*(one.matcher for one in features), None], periods)
    return [adoption.shares(one, anything) for one in used]


def adoption_of(feature: Defined, periods: Periods, now: datetime) -> adoption.Adoption:
    """One feature's adoption, with the time it takes and who drops it."""
    days = periods_of("day", periods.start, periods.end)
    used, anything = read(feature.project_id, [feature.matcher, None], days, with_before=True)
    return adoption.adoption(used, anything, periods, now)


def _both(question: Question) -> list[Matcher | None]:
    """What begins a cohort and what comes back, once where they are the same."""
    return [matcher_of(name) for name in dict.fromkeys([question.event_name, question.returning_event])]

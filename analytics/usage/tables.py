"""What the page exports: all that a view shows, a row a number's place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from analytics.usage import answers
from analytics.usage.asked import Asked
from analytics.usage.features import Defined, features_of
from analytics.usage.question import Question
from analytics.usage.segments import segments
from projects.pages.exporting import Table


def table_of(asked: Asked, feature: Defined | None, now: datetime) -> Table:
    """Raises django.db.Error."""
    if feature is not None:
        return _segments(asked, feature) if asked.segment else _feature(asked, feature, now)
    return _TABLES[asked.view](asked.question)


def people(names: Sequence[str]) -> Table:
    """Who is behind a number of the retention table."""
    return Table("retention-people", ("user_id",), [(name,) for name in names])


def _active(question: Question) -> Table:
    columns = ("day", "daily", "weekly", "monthly", "stickiness_ratio")
    return Table("active-people", columns, [tuple(day.values()) for day in answers.active_days(question)])


def _retention(question: Question) -> Table:
    """A row a cohort and period."""
    columns = ("cohort", "people", "period", "returned", "ratio")
    rows = [
        (cohort["start"], cohort["people"], period, count, ratio)
        for cohort in answers.retention(question)
        for period, (count, ratio) in enumerate(zip(cohort["returned"], cohort["ratios"], strict=True))
    ]
    return Table("retention", columns, rows)


def _lifecycle(question: Question) -> Table:
    columns = ("start", "new", "returning", "resurrecting", "dormant")
    return Table("lifecycle", columns, [tuple(one.values()) for one in answers.lifecycle_periods(question)])


def _features(question: Question) -> Table:
    """A row a feature and period."""
    features = features_of(question.project_id)
    found = answers.adoption_of_all(question.project_id, features, question.periods)
    columns = ("feature", "start", "people", "active", "adoption_ratio")
    rows = [
        (feature.slug, *one.values())
        for feature, shares in zip(features, found, strict=True)
        for one in shares["periods"]
    ]
    return Table("adoption", columns, rows)


def _feature(asked: Asked, feature: Defined, now: datetime) -> Table:
    found = answers.adoption_of(feature, asked.question.periods, now)
    columns = ("start", "people", "active", "adoption_ratio")
    return Table(f"adoption-{feature.slug}", columns, [tuple(one.values()) for one in found["periods"]])


def _segments(asked: Asked, feature: Defined) -> Table:
    found, _ = segments(feature.project_id, feature.matcher, asked.segment, asked.question.periods)
    columns = ("segment", "people", "active", "adoption_ratio")
    return Table(f"adoption-{feature.slug}", columns, [tuple(one.values()) for one in found])


_TABLES: dict[str, Callable[[Question], Table]] = {
    "active": _active,
    "retention": _retention,
    "lifecycle": _lifecycle,
    "features": _features,
}

"""Features as people defined them, read for work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from analytics.matchers import Matcher, MatcherError, parse
from analytics.models.features import Feature

MAX_FEATURES = 50
"""Of a project, that are measured; all of them are read in one go, a bit each."""


@dataclass(frozen=True, slots=True)
class Defined:
    """A feature whose matcher can be read."""

    feature_id: int
    project_id: int
    slug: str
    name: str
    description: str
    matcher: Matcher
    window: timedelta


def defined(feature: Feature) -> Defined | None:
    """None for one whose matcher this version can't read; forms refuse such."""
    try:
        matcher = parse(feature.matcher)
    except MatcherError:
        return None
    return Defined(
        feature_id=feature.pk,
        project_id=feature.project_id,
        slug=feature.slug,
        name=feature.name,
        description=feature.description,
        matcher=matcher,
        window=timedelta(days=feature.window_days),
    )


def features_of(project_id: int) -> list[Defined]:
    """All features of a project by name, at most MAX_FEATURES."""
    rows = Feature.objects.filter(project_id=project_id)[:MAX_FEATURES]
    return [found for row in rows if (found := defined(row))]


def feature_named(project_id: int, slug: str) -> Defined | None:
    row = Feature.objects.filter(project_id=project_id, slug=slug).first()
    return defined(row) if row else None

"""Experiments as people defined them, read for work; what can't be asked of the data is refused in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from analytics.experiments.comparing import Numbers, Sample, Share
from analytics.matchers import Matcher, MatcherError, parse
from analytics.models.experiments import Better, Experiment, ExperimentMetric, MetricKind
from events.columns import columns_in_words, is_column, number_of_column

MAX_METRICS = 10
MAX_SHARES = 20
"""As many variants as are compared."""

MAX_TEXT = 200
MAX_WINDOW_MINUTES = 366 * 24 * 60
MAX_MINIMUM_DAYS = 32_767
"""What the column holds."""


class ExperimentError(ValueError):
    """An experiment that can't be evaluated; `key` is what is wrong of it (`metrics[0].column`), the text says why."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}")
        self.key = key
        self.message = message


@dataclass(frozen=True, slots=True)
class Metric:
    """`column` is None for conversions, and for totals that count events; without a window it counts until the end."""

    key: str
    name: str
    kind: MetricKind
    matcher: Matcher
    column: str | None
    window: timedelta | None
    is_lower_better: bool

    @property
    def empty(self) -> Sample:
        """Of nobody."""
        return Share(0, 0) if self.kind == MetricKind.CONVERSION else Numbers(0, None, None)


@dataclass(frozen=True, slots=True)
class Definition:
    """An experiment with its metrics in order. `shares` is empty where all variants that are seen count equally."""

    project_id: int
    slug: str
    name: str
    description: str
    exposure: Matcher
    variant_column: str
    control: str
    shares: Mapping[str, float]
    starts_at: datetime
    ends_at: datetime | None
    planned_people: int | None
    minimum: timedelta
    metrics: tuple[Metric, ...]

    def end(self, now: datetime) -> datetime:
        """Where the exposures that count end."""
        return min(self.ends_at or now, now)

    def is_running(self, now: datetime) -> bool:
        """Whether it has begun and hasn't ended."""
        return self.starts_at <= now and (self.ends_at is None or self.ends_at > now)


def definition_of(experiment: Experiment, metrics: Iterable[ExperimentMetric]) -> Definition:
    """Raises ExperimentError."""
    check(experiment)
    ordered = sorted(metrics, key=lambda one: (one.position, one.pk or 0))
    if not 1 <= len(ordered) <= MAX_METRICS:
        raise ExperimentError("metrics", f"Needs 1 to {MAX_METRICS}, not {len(ordered)}.")
    if len({one.key for one in ordered}) < len(ordered):
        raise ExperimentError("metrics", "Each needs a key of its own.")
    return Definition(
        project_id=experiment.project_id,
        slug=experiment.slug,
        name=experiment.name,
        description=experiment.description,
        exposure=_matcher(experiment.exposure, "exposure"),
        variant_column=experiment.variant_column,
        control=experiment.control,
        shares=_shares(experiment.shares, experiment.control),
        starts_at=experiment.starts_at,
        ends_at=experiment.ends_at,
        planned_people=experiment.planned_people,
        minimum=timedelta(days=experiment.minimum_days),
        metrics=tuple(metric_of(one, f"metrics[{number}]") for number, one in enumerate(ordered)),
    )


def check(experiment: Experiment) -> None:
    """All but its metrics. Raises ExperimentError."""
    if experiment.ends_at and experiment.ends_at <= experiment.starts_at:
        raise ExperimentError("ends_at", "Must be after the start.")
    if not 0 <= experiment.minimum_days <= MAX_MINIMUM_DAYS:
        # A form's instance holds what was entered before the model refuses it, and no timedelta is that long.
        raise ExperimentError("minimum_days", f"Must be a whole number from 0 to {MAX_MINIMUM_DAYS}.")
    _matcher(experiment.exposure, "exposure")
    _column(experiment.variant_column, "variant_column")
    _shares(experiment.shares, experiment.control)


def exposure_of(slug: str) -> dict[str, Any]:
    """The matcher of exposures where nothing else is said."""
    return {"event_name": "experiment_viewed", "filters": {"properties.experiment": slug}}


def experiment_named(project_id: int, slug: str) -> Definition | None:
    """A project's experiment by its slug, with two queries. Raises ExperimentError."""
    found = Experiment.objects.filter(project=project_id, slug=slug).first()
    return definition_of(found, found.metrics.all()) if found else None


def metric_of(metric: ExperimentMetric, key: str) -> Metric:
    """`key` is what errors begin with. Raises ExperimentError."""
    kind = MetricKind(metric.kind)
    return Metric(
        key=metric.key,
        name=metric.name,
        kind=kind,
        matcher=_matcher(metric.matcher, f"{key}.matcher"),
        column=_number_column(kind, metric.column, f"{key}.column"),
        window=_window(metric.window_minutes, f"{key}.window_minutes"),
        is_lower_better=metric.better == Better.LOWER,
    )


def _matcher(value: object, key: str) -> Matcher:
    try:
        return parse(value, key)
    except MatcherError as error:
        raise ExperimentError(error.key, error.message) from None


def _column(name: str, key: str) -> str:
    if not is_column(name) or "\0" in name:
        raise ExperimentError(key, f"{name[:100]!r} is not one of {columns_in_words()}.")
    return name


def _number_column(kind: MetricKind, name: str, key: str) -> str | None:
    if kind == MetricKind.CONVERSION:
        if name:
            raise ExperimentError(key, "A conversion counts people, not a number.")
        return None
    if not name:
        if kind == MetricKind.AVERAGE:
            raise ExperimentError(key, "Needs the number that the average is of.")
        return None
    if number_of_column(_column(name, key)) is None:
        raise ExperimentError(key, f"{name[:100]} holds text, not a number.")
    return name


def _window(minutes: float | None, key: str) -> timedelta | None:
    if minutes is None:
        return None
    # Written so that NaN is refused, too.
    if not 0 < minutes <= MAX_WINDOW_MINUTES:
        raise ExperimentError(key, f"Must be more than 0 and at most {MAX_WINDOW_MINUTES} (a year).")
    return timedelta(minutes=minutes)


def _shares(value: object, control: str) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise ExperimentError("shares", "Must be an object of variants and numbers.")
    if not value:
        return {}
    if not 2 <= len(value) <= MAX_SHARES:
        raise ExperimentError("shares", f"Needs 2 to {MAX_SHARES} variants, not {len(value)}.")
    for variant, share in value.items():
        is_number = isinstance(share, int | float) and not isinstance(share, bool)
        if not is_number or not 0 < share <= 1e9 or not math.isfinite(share):
            raise ExperimentError(f"shares.{variant[:100]}", "Must be a number above 0 and up to 1e9.")
        if not variant or len(variant) > MAX_TEXT or "\0" in variant:
            raise ExperimentError("shares", f"Variants have 1 to {MAX_TEXT} characters, and no NUL.")
    if control not in value:
        raise ExperimentError("shares", f"Must name the control, {control[:100]!r}, too.")
    return {variant: float(share) for variant, share in value.items()}

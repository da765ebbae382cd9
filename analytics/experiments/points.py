"""Metric points of experiments that run, so that ordinary rules can watch them. Gauges, labelled `experiment`:

* `experiment_people`, also labelled `variant`: who was exposed to it, of those that are compared.
* `experiment_conversion_ratio`, also labelled `metric` and `variant`: the share of a conversion.
* `experiment_mean`, likewise: the mean of a total or an average.

Each tells of everybody from the experiment's start to the point, as its page does. Nothing is written of nobody, before
the start and after the end. `analytics.due` says how often.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q, QuerySet
from django.urls import reverse

from analytics.due import CannotMeasure, Due, write_each
from analytics.experiments.definitions import Definition, ExperimentError, Metric, definition_of
from analytics.experiments.reading import Question, Reading, read
from analytics.models.experiments import Experiment, MetricKind
from analytics.points import Point
from analytics.rule_forms import when_worse
from projects.pages.scope import Scope

PEOPLE, CONVERSION, MEAN = "experiment_people", "experiment_conversion_ratio", "experiment_mean"
VARIANT = "variant"


def running(now: datetime) -> QuerySet[Experiment]:
    """As `Definition.is_running` has it."""
    return Experiment.objects.filter(Q(ends_at=None) | Q(ends_at__gt=now), starts_at__lte=now)


DUE = Due(running, "measure_at")


def write(now: datetime, seconds: float) -> None:
    """Write the points of the experiments that are due, the longest waiting first; begin none after so many seconds."""
    write_each(DUE, _points, now, seconds)


def points_of(definition: Definition, found: Reading) -> Iterator[Point]:
    """The points of one look; none of a metric that nobody has a value in. Pure."""
    experiment = {"experiment": definition.slug}
    for observed in found.variants:
        of_variant = {**experiment, VARIANT: observed.variant}
        yield _gauge(PEOPLE, "", observed.people, of_variant)
        for metric, sample in zip(definition.metrics, observed.samples, strict=True):
            if sample.value is not None:
                name, unit = _name(metric), "1" if metric.kind == MetricKind.CONVERSION else ""
                yield _gauge(name, unit, sample.value, {**of_variant, "metric": metric.key})


def rule_url(definition: Definition, metric: Metric, control_value: float | None) -> str:
    """The form of a new rule that fires for each variant which does a fifth worse than the control does now."""
    return when_worse(
        definition.project_id,
        f"{definition.name}: {metric.name}",
        _name(metric),
        _labels(definition, metric),
        control_value,
        is_lower_better=metric.is_lower_better,
        group_by=VARIANT,
        # Its points end with the experiment, and so should its alerts.
        no_data="ok",
    )


def metrics_url(scope: Scope, definition: Definition, metric: Metric) -> str:
    """The chart of a metric's points, a line a variant."""
    labels = {f"tags.{name}": text for name, text in _labels(definition, metric).items()}
    return scope.url(reverse("explore_metrics"), metric_name=_name(metric), group_by=VARIANT, **labels)


def _points(experiment: Experiment, now: datetime) -> Iterator[Point]:
    """Raises CannotMeasure."""
    try:
        definition = definition_of(experiment, experiment.metrics.all())
    except ExperimentError as error:
        raise CannotMeasure(str(error)) from None
    return points_of(definition, read(definition, Question(definition.starts_at, definition.end(now), now)))


def _labels(definition: Definition, metric: Metric) -> dict[str, str]:
    return {"experiment": definition.slug, "metric": metric.key}


def _name(metric: Metric) -> str:
    return CONVERSION if metric.kind == MetricKind.CONVERSION else MEAN


def _gauge(name: str, unit: str, value: float, tags: dict[str, str]) -> Point:
    return {"name": name, "type": "gauge", "unit": unit, "value": value, "tags": tags}

"""What an experiment says: figures of each variant, how sure they are, and what speaks against believing them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from analytics.experiments import sample_ratio
from analytics.experiments.comparing import Difference, Interval, Sample, difference, interval_of
from analytics.experiments.definitions import Definition, Metric
from analytics.experiments.reading import Observed, Question, Reading, read
from analytics.experiments.sample_ratio import SampleRatio
from analytics.experiments.warnings import ExperimentWarning, warnings_of
from projects.retention import days_kept


@dataclass(frozen=True, slots=True)
class VariantFigures:
    """One variant in one metric. `difference` is to the control, None for the control itself and without one."""

    variant: str
    is_control: bool
    sample: Sample
    interval: Interval | None
    difference: Difference | None
    relative_ratio: float | None
    """The difference as a share of the control's value."""
    best_ratio: float | None
    """The probability that it is the best of all."""


@dataclass(frozen=True, slots=True)
class MetricFigures:
    """`open_people` are still within the metric's window; None without one."""

    metric: Metric
    variants: Sequence[VariantFigures]
    open_people: int | None


@dataclass(frozen=True, slots=True)
class Results:
    """`sample_ratio` has the people by variant, the control first; `mixed` and `others` are in nothing else."""

    definition: Definition
    start: datetime
    end: datetime
    mixed: int
    others: int
    other_variants: Sequence[str]
    sample_ratio: SampleRatio
    warnings: Sequence[ExperimentWarning]
    metrics: Sequence[MetricFigures]
    days: Sequence[tuple[date, str, int]]

    @property
    def people(self) -> int:
        """Who is compared."""
        return sum(self.sample_ratio.people.values())


def evaluate(definition: Definition, question: Question) -> Results:
    """Ask the stored events. Raises django.db.Error."""
    kept_from = question.now - timedelta(days=days_kept(definition.project_id, "events"))
    return results_of(definition, question, read(definition, question), kept_from)


def results_of(definition: Definition, question: Question, reading: Reading, kept_from: datetime) -> Results:
    """Events before `kept_from` may be gone."""
    variants = _in_order(definition, reading)
    people = {one.variant: one.people for one in variants}
    weights = definition.shares or dict.fromkeys(people, 1.0)
    ratio = sample_ratio.check(people, weights)
    metrics = [
        _metric(metric, {one.variant: one.samples[n] for one in variants}, definition.control, reading, n)
        for n, metric in enumerate(definition.metrics)
    ]
    samples = {(one.metric.name, row.variant): row.sample for one in metrics for row in one.variants}
    return Results(
        definition=definition,
        start=question.start,
        end=question.end,
        mixed=reading.mixed,
        others=reading.others,
        other_variants=reading.other_variants,
        sample_ratio=ratio,
        warnings=warnings_of(definition, question, ratio, reading.mixed, samples, kept_from=kept_from),
        metrics=metrics,
        days=reading.days,
    )


def _in_order(definition: Definition, reading: Reading) -> list[Observed]:
    """The control first; a planned variant that nobody was exposed to has nobody."""
    found = {one.variant: one for one in reading.variants}
    for variant in definition.shares:
        found.setdefault(variant, Observed(variant, 0, [metric.empty for metric in definition.metrics]))
    return sorted(found.values(), key=lambda one: (one.variant != definition.control, one.variant))


def _metric(
    metric: Metric, samples: Mapping[str, Sample], control: str, reading: Reading, n: int
) -> MetricFigures:
    # numpy takes 20 MB, which no web process should hold before somebody asks for an experiment.
    from analytics.experiments.best import probabilities

    best = probabilities(samples, is_lower_better=metric.is_lower_better) or {}
    rows = [
        _figures(variant, sample, samples.get(control), variant == control, best.get(variant))
        for variant, sample in samples.items()
    ]
    return MetricFigures(metric, rows, reading.open_people[n] if reading.open_people else None)


def _figures(
    variant: str, sample: Sample, control: Sample | None, is_control: bool, best_ratio: float | None
) -> VariantFigures:
    found = None if control is None or is_control else difference(sample, control)
    return VariantFigures(
        variant=variant,
        is_control=is_control,
        sample=sample,
        interval=interval_of(sample),
        difference=found,
        relative_ratio=_relative(found, control),
        best_ratio=best_ratio,
    )


def _relative(found: Difference | None, control: Sample | None) -> float | None:
    """None where there is nothing to divide by, or next to nothing."""
    base = control.value if control else None
    if not found or not base:
        return None
    ratio = found.value / abs(base)
    return ratio if math.isfinite(ratio) else None

"""What speaks against believing an experiment's figures, the gravest first. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from analytics.experiments.comparing import Sample, Share
from analytics.experiments.definitions import Definition
from analytics.experiments.reading import Question
from analytics.experiments.sample_ratio import SampleRatio
from projects import figures

Code = Literal[
    "no_people", "not_kept", "sample_ratio", "no_control", "too_early", "no_plan", "several_variants",
    "few_people", "many_comparisons",
]  # fmt: skip

SEVERAL_FROM_RATIO = 0.01
"""From such a share on, people who saw several variants are worth a warning."""

FEW_CONVERSIONS, FEW_PEOPLE = 5, 30
"""Below these the z-test and Welch's test are rough: their figures are only nearly normal or t distributed."""

_PEEKING = "Who looks again and again until a p-value is below 0.05 finds one by chance more often than 1 time in 20."


@dataclass(frozen=True, slots=True)
class ExperimentWarning:
    """`is_grave`: the figures should not be believed."""

    code: Code
    message: str
    is_grave: bool = False


def warnings_of(
    definition: Definition,
    question: Question,
    ratio: SampleRatio,
    mixed: int,
    samples: Mapping[tuple[str, str], Sample],
    *,
    kept_from: datetime,
) -> list[ExperimentWarning]:
    """`samples` by the name of the metric and the variant; events before `kept_from` may be gone."""
    people = sum(ratio.people.values())
    if not people:
        return [ExperimentWarning("no_people", "Nobody has been exposed to a variant yet.")]
    found = [
        *_kept(question, kept_from),
        *_sample_ratio(ratio),
        *_control(definition, ratio),
        *_early(definition, question, people),
        *_several(mixed, people),
        *_few(samples),
        *_many(definition, len(ratio.people)),
    ]
    return sorted(found, key=lambda one: not one.is_grave)


def _kept(question: Question, kept_from: datetime) -> Iterator[ExperimentWarning]:
    if question.start < kept_from:
        yield ExperimentWarning(
            "not_kept",
            f"Events before {kept_from:%Y-%m-%d} are no longer kept, so whoever was exposed earlier counts too late or "
            "not at all: ask for a later start, or keep events for longer.",
            is_grave=True,
        )


def _sample_ratio(ratio: SampleRatio) -> Iterator[ExperimentWarning]:
    if ratio.is_mismatch:
        told = ", ".join(
            f"{variant} has {count:,} people of {ratio.expected[variant]:,.0f} expected"
            for variant, count in ratio.people.items()
        )
        yield ExperimentWarning(
            "sample_ratio",
            f"People are not shared out as planned: {told} (p = {ratio.p_value:.2g}). Something loses or doubles "
            "exposures of one variant, so the groups are not alike: find it before you believe any figure here.",
            is_grave=True,
        )


def _control(definition: Definition, ratio: SampleRatio) -> Iterator[ExperimentWarning]:
    if not ratio.people.get(definition.control):
        seen = ", ".join(variant for variant, count in ratio.people.items() if count)
        yield ExperimentWarning(
            "no_control",
            f"Nobody was exposed to the control, “{definition.control}”, so there is nothing to compare with. "
            f"Seen: {seen}.",
            is_grave=True,
        )


def _early(definition: Definition, question: Question, people: int) -> Iterator[ExperimentWarning]:
    ran = question.end - question.start
    missing = []
    if definition.planned_people and people < definition.planned_people:
        missing.append(f"{people:,} of {definition.planned_people:,} planned people")
    if ran < definition.minimum:
        day = timedelta(days=1)
        missing.append(f"{ran / day:.1f} of at least {definition.minimum / day:.0f} days")
    if missing:
        yield ExperimentWarning("too_early", f"Too early to decide: {' and '.join(missing)}. {_PEEKING}")
    elif not definition.planned_people and question.end == question.now:
        planless = "No number of people was planned, so nothing says when to decide."
        yield ExperimentWarning("no_plan", f"{planless} {_PEEKING}")


def _several(mixed: int, compared: int) -> Iterator[ExperimentWarning]:
    share = mixed / (mixed + compared)
    if share >= SEVERAL_FROM_RATIO:
        yield ExperimentWarning(
            "several_variants",
            f"{mixed:,} people ({figures.percent(share)}) saw more than one variant and are left out: whoever "
            "chooses the variant should choose the same one for a person each time.",
        )


def _few(samples: Mapping[tuple[str, str], Sample]) -> Iterator[ExperimentWarning]:
    few = dict.fromkeys(metric for (metric, _), sample in samples.items() if _is_small(sample))
    if few:
        rough = ", ".join(few)
        yield ExperimentWarning(
            "few_people", f"Few people or conversions so far: p-values are rough for {rough}."
        )


def _is_small(sample: Sample) -> bool:
    if isinstance(sample, Share):
        return min(sample.converted, sample.people - sample.converted) < FEW_CONVERSIONS
    return sample.people < FEW_PEOPLE


def _many(definition: Definition, variants: int) -> Iterator[ExperimentWarning]:
    count = (variants - 1) * len(definition.metrics)
    advice = " Decide by the first metric." if len(definition.metrics) > 1 else ""
    if count > 1:
        yield ExperimentWarning(
            "many_comparisons",
            f"{count} comparisons are made here, each by itself: of {count} without any effect, one or more has "
            f"p < 0.05 in {100 * (1 - 0.95**count):.0f} % of experiments.{advice}",
        )

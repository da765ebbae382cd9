"""How fast an error budget burns: multi-window, multi-burn-rate alerts as in Google's SRE workbook."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
from django import forms

from alerting.rule_types import fields, shares
from alerting.rule_types.condition_field import ConditionField
from alerting.rule_types.conditions import (
    DEFAULT_WINDOW_MINUTES,
    RuleInput,
    RuleType,
    SourceName,
    describe_window,
)
from alerting.rule_types.selection import EventSelection
from alerting.rule_types.shares import Selected, Share
from alerting.rule_types.totals import ByQuestion, Totals, totals
from alerting.sources.raw import RawQuestion
from alerting.sources.reading import Reading
from alerting.sources.samples import Answer, LabelSet
from alerting.state import Operator, Sample
from alerting.values import format_number

LONGEST_MINUTES = 30 * 24 * 60
MAX_WINDOWS = 10


class BurnWindow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Wrong where the budget burns `factor` times too fast over both: the short one ends the alert soon after."""

    factor: float
    long_minutes: float
    short_minutes: float


WORKBOOK = (
    BurnWindow(14.4, 60, 5),
    BurnWindow(6, 6 * 60, 30),
    BurnWindow(1, 3 * 24 * 60, 6 * 60),
)
"""2 %, 5 % and 10 % of a 30 days' budget: https://sre.google/workbook/alerting-on-slos/, table 5-8."""


class SloBurnRateCondition(EventSelection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`bad` and `total` are filters as a ratio's numerator and denominator; metrics have to be counters."""

    operator: Operator = ">="
    threshold: float = 1
    bad: Selected
    total: Selected = {}
    objective: float = 0.999
    windows: tuple[BurnWindow, ...] = WORKBOOK
    minimum_events: float = 20


@dataclass(frozen=True, slots=True)
class Plan:
    source: str
    group_by: tuple[str, ...]
    lengths_seconds: frozenset[float]


class SloBurnRate(RuleType[SloBurnRateCondition, Plan]):
    """Value: the burn rate of the worst window divided by its factor; past 1 it is wrong.

    The burn rate of a window is that of the slower of its two lengths. A window with fewer than `minimum_events` over
    the longer one says nothing.
    """

    name = "slo_burn_rate"
    label = "an error budget that burns"
    hint = (
        "For a promise such as 99.9 % without error: fires when errors use up the budget far too fast, "
        "soon for an outage, later for a slow leak. The windows offered are those of Google's SRE workbook."
    )
    sources: ClassVar[tuple[SourceName, ...]] = ("telemetry_event", "system_metric", "trace")
    judged_by = ("objective", "windows", "minimum_events")
    condition_class = SloBurnRateCondition

    def check(self, condition: SloBurnRateCondition, source: str) -> dict[str, str]:
        errors = shares.share_errors({"bad": condition.bad, "total": condition.total}, condition, source)
        if not 0 < condition.objective < 1:
            errors["objective"] = "Must be between 0 and 1, such as 0.999 for 99.9 %."
        if problem := _windows_error(condition.windows):
            errors["windows"] = problem
        if not (math.isfinite(condition.minimum_events) and condition.minimum_events > 0):
            errors["minimum_events"] = "Must be more than 0."
        if condition.time_window_minutes != DEFAULT_WINDOW_MINUTES:
            errors["time_window_minutes"] = "This rule has windows of its own."
        return errors

    def describe(self, condition: SloBurnRateCondition, source: str) -> str:
        bad = shares.describe_selected(condition.bad, source)
        if condition.total:
            bad += f" among {shares.describe_selected(condition.total, source)}"
        common = shares.describe_common(condition, source)
        windows = ", ".join(_words(window) for window in condition.windows)
        return f"{bad}{common} burn the budget of {100 * condition.objective:.6g} %: {windows}"

    def form_fields(self, source: str) -> dict[str, ConditionField]:
        scope = fields.scope(source)
        # It has windows of its own.
        del scope["time_window_minutes"]
        return {
            **fields.selected("bad", "Bad are those with", source, shares.EXAMPLES),
            **fields.selected("total", "Among", source, shares.EXAMPLES, required=False),
            **fields.common_events(source),
            **scope,
            "objective": fields.NumberField(label="Objective", help_text="The share that has to be good."),
            "windows": WindowsField(
                label="Windows",
                help_text="One per line: how many times too fast, long window, short window (minutes).",
                widget=forms.Textarea(attrs={"rows": 3}),
            ),
            "minimum_events": fields.NumberField(
                label="At least (records)", help_text="A window with fewer says nothing."
            ),
        }

    def is_zero_without_rows(self, condition: SloBurnRateCondition, source: str) -> bool:
        return False

    def plan(self, condition: SloBurnRateCondition, source: str) -> Plan:
        minutes = {length for one in condition.windows for length in (one.long_minutes, one.short_minutes)}
        return Plan(source, condition.group_by, frozenset(60 * length for length in minutes))

    def measure(
        self, plan: Plan, reading: Reading, inputs: Sequence[RuleInput[SloBurnRateCondition]]
    ) -> dict[int, Answer]:
        aggregation = shares.default_aggregation(plan.source)
        questions = [
            question
            for number, one in enumerate(inputs)
            for question in shares.both(
                plan.source,
                Share(one.rule_id, one.condition.bad, one.condition.total, one.condition, aggregation),
                2 * number,
            )
        ]
        found = totals(reading, plan.source, plan.lengths_seconds, questions)
        return {
            one.rule_id: Answer(judge(one.condition, _both(found, 2 * number)))
            for number, one in enumerate(inputs)
        }

    def raw_questions(self, condition: SloBurnRateCondition, source: str) -> tuple[RawQuestion, ...]:
        """The bad ones of the longest window."""
        longest_seconds = 60 * max(one.long_minutes for one in condition.windows)
        return (shares.raw_question(source, condition.bad, condition, longest_seconds),)


BadAndTotal = tuple[Totals, Totals]


def judge(condition: SloBurnRateCondition, found: Mapping[float, BadAndTotal]) -> dict[LabelSet, Sample]:
    """Samples from what each window's length, in minutes, has of bad and of all."""
    longest = max(found)
    return {labels: _sample(condition, found, labels) for labels in found[longest][1]}


def _sample(condition: SloBurnRateCondition, found: Mapping[float, BadAndTotal], labels: LabelSet) -> Sample:
    burns: list[tuple[float, BurnWindow, float, float]] = []
    for window in condition.windows:
        bad, total = found[window.long_minutes]
        if total.get(labels, 0.0) >= condition.minimum_events:
            long = _burn(bad.get(labels, 0.0), total[labels], condition.objective)
            bad, total = found[window.short_minutes]
            short = _burn(bad.get(labels, 0.0), total.get(labels, 0.0), condition.objective)
            burns.append((min(long, short) / window.factor, window, long, short))
    if not burns:
        return Sample(None, remark=f"fewer than {format_number(condition.minimum_events)} in every window")
    wrong = [one for one in burns if one[0] >= condition.threshold] or [max(burns, key=lambda one: one[0])]
    return Sample(max(burn[0] for burn in burns), remark=", ".join(_burning(*one[1:]) for one in wrong))


def _burn(bad: float, total: float, objective: float) -> float:
    """How many times faster than the objective allows; nothing burns where nothing happens."""
    return bad / total / (1 - objective) if total else 0.0


def _burning(window: BurnWindow, long: float, short: float) -> str:
    return (
        f"burns {long:.3g}x over {describe_window(window.long_minutes)}, "
        f"{short:.3g}x over {describe_window(window.short_minutes)}"
    )


def _both(found: Mapping[float, ByQuestion], first_id: int) -> dict[float, BadAndTotal]:
    return {
        seconds / 60: (by_question[first_id], by_question[first_id + 1])
        for seconds, by_question in found.items()
    }


def _words(window: BurnWindow) -> str:
    long, short = describe_window(window.long_minutes), describe_window(window.short_minutes)
    return f"{format_number(window.factor)}x over {long} and {short}"


def _windows_error(windows: Sequence[BurnWindow]) -> str:
    if not 1 <= len(windows) <= MAX_WINDOWS:
        return f"Must have 1 to {MAX_WINDOWS} windows."
    for window in windows:
        if not (math.isfinite(window.factor) and window.factor > 0):
            return "Each factor must be more than 0."
        if not 0 < window.short_minutes < window.long_minutes <= LONGEST_MINUTES:
            return (
                f"Each short window must be shorter than its long one, of at most {LONGEST_MINUTES} minutes."
            )
    return ""


class WindowsField(fields.TextField):
    """`14.4 60 5` per line: factor, long and short window."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return value
        windows = msgspec.to_builtins(value or ())
        return "\n".join(
            " ".join(format_number(float(window[name])) for name in BurnWindow.__struct_fields__)
            for window in windows
        )

    def clean(self, value: Any) -> list[dict[str, float]]:
        return [_window_of(line) for line in super().clean(value).splitlines() if line.strip()]


def _window_of(line: str) -> dict[str, float]:
    try:
        factor, long_minutes, short_minutes = (float(word) for word in line.split())
    except ValueError:
        raise forms.ValidationError(f"Write three numbers per line; {line.strip()!r} is not.") from None
    return {"factor": factor, "long_minutes": long_minutes, "short_minutes": short_minutes}


RULE_TYPE = SloBurnRate()

"""A funnel's figures as the page shows them: bars, groups and the trend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from analytics.funnels.asked import LOST, STEP, Asked
from analytics.funnels.builder import TREND_WORDS
from analytics.funnels.parsing import MAX_NAME
from analytics.funnels.question import Funnel
from analytics.matchers import in_words
from analytics.units import PERSON, unit_words
from projects.pages.charts import Line, TimeChart
from projects.pages.exporting import Table
from projects.pages.scope import Scope

if TYPE_CHECKING:
    # Not at run time: they bring numpy.
    from analytics.funnels.answers import Answer, Person
    from analytics.funnels.figures import Figures, StepFigures

COLUMNS = (
    "value",
    "step",
    "name",
    "count",
    "conversion_ratio",
    "step_conversion_ratio",
    "median_seconds",
    "mean_seconds",
)
"""Of the table that is exported; `value` is the breakdown's, empty for all units together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One step. Ratios as `StepFigures` has them; `lost_count` units reached the step before it and not this one."""

    number: int
    name: str
    words: str
    """Which events reach it, where it has a name of its own."""
    count: int
    conversion_ratio: float | None
    step_conversion_ratio: float | None
    width: str
    change: str
    """Of the conversion against the time before, in points; "" where it is not compared."""
    lost_count: int
    lost_ratio: float | None
    median_ms: float | None
    mean_ms: float | None
    people_url: str
    lost_url: str


@dataclass(frozen=True, slots=True)
class Row:
    """One value of the breakdown: for each step the number of units, and their share as CSS."""

    value: str | None
    cells: Sequence[tuple[int, str]]
    conversion_ratio: float | None
    median_ms: float | None


def bars_of(asked: Asked, found: Answer) -> list[Bar]:
    """The steps in order."""
    before = found["previous"]["steps"] if "previous" in found else None
    counts = [step["count"] for step in found["steps"]]
    return [
        _bar(asked, number, step, counts[max(number - 1, 0)], before[number] if before else None)
        for number, step in enumerate(found["steps"])
    ]


def totals_of(asked: Asked, found: Answer) -> dict[str, Any]:
    """The numbers above the bars."""
    last = found["steps"][-1]
    previous = found.get("previous")
    return {
        "units": unit_words(asked.funnel.unit),
        "began": found["steps"][0]["count"],
        "completed": last["count"],
        "conversion_ratio": last["conversion_ratio"],
        "median_ms": milliseconds(found["total_median_seconds"]),
        "mean_ms": milliseconds(found["total_mean_seconds"]),
        "change": change_words(last, previous["steps"][-1]) if previous else "",
        "began_before": previous["steps"][0]["count"] if previous else None,
    }


def rows_of(found: Answer) -> list[Row]:
    """The breakdown, values with most units first."""
    return [
        Row(
            group["value"],
            [(step["count"], percent(step["conversion_ratio"])) for step in group["steps"]],
            group["steps"][-1]["conversion_ratio"],
            milliseconds(group["total_median_seconds"]),
        )
        for group in found.get("breakdown", [])
    ]


def trend_chart(asked: Asked, found: Answer) -> TimeChart | None:
    """The conversion of those who began in each period, as per cent."""
    period = asked.funnel.trend
    if period is None:
        return None
    points = [(one["start"], one["steps"][-1]["conversion_ratio"]) for one in found.get("trend", [])]
    return TimeChart(
        id="funnel-trend",
        title=f"Conversion {TREND_WORDS[period].lower()}",
        lines=[Line("Conversion", [(at, ratio and round(ratio * 100, 2)) for at, ratio in points])],
        start=min([asked.scope.range.start, *(at for at, _ in points)]),
        end=asked.scope.range.end,
        unit="%",
        zone=asked.scope.zone,
        notes=[f"By the {period} (UTC) in which they began. Who began lately may still convert."],
    )


def table_of(found: Answer) -> Table:
    """All figures, those of the breakdown's values after those of all."""
    groups: list[tuple[str | None, Figures]] = [("", found)]
    groups += [(group["value"], group) for group in found.get("breakdown", [])]
    rows = [
        (value, number, *(step[name] for name in COLUMNS[2:]))  # type: ignore[literal-required]  # COLUMNS names keys
        for value, figures in groups
        for number, step in enumerate(figures["steps"], start=1)
    ]
    return Table("funnel", COLUMNS, rows)


def people_table(people: Sequence[Person]) -> Table:
    columns = ("unit", "started_at", "reached_at", "steps")
    rows = [(one["unit"], one["started_at"], one["reached_at"], one["steps"]) for one in people]
    return Table("funnel-people", columns, rows)


def named(funnel: Funnel, number: int) -> tuple[str, str]:
    """What a step (from 0) is called, and which events it means where that says something else."""
    step = funnel.steps[number]
    words = in_words(step.matcher)
    return (words, "") if step.name in (step.matcher.label[:MAX_NAME], words) else (step.name, words)


def step_name(funnel: Funnel, number: int) -> str:
    """What the step (from 1) is called in the figures."""
    return f"any {number} of {len(funnel.steps)}" if funnel.order == "any" else named(funnel, number - 1)[0]


def events_url(scope: Scope, funnel: Funnel, unit: str) -> str:
    """All events of one unit in the range."""
    field = "person" if funnel.unit == PERSON else funnel.unit
    return scope.url(reverse("explore_events"), **{field: unit})


def timeline_url(scope: Scope, funnel: Funnel, unit: str) -> str:
    """A person's own page; "" for units that are no persons."""
    return scope.url(reverse("explore_person", args=[unit])) if funnel.unit == PERSON else ""


def milliseconds(seconds: float | None) -> float | None:
    """As templates' `milliseconds` takes it."""
    return None if seconds is None else seconds * 1000


def percent(ratio: float | None) -> str:
    """A share as CSS has it."""
    return f"{ratio or 0:.2%}"


def change_words(now: StepFigures, before: StepFigures) -> str:
    """+1.2 points: of per cent of those who began."""
    here, there = now["conversion_ratio"], before["conversion_ratio"]
    if here is None or there is None:
        return "nobody began before" if there is None else ""
    return f"{(here - there) * 100:+.1f} points"


def _bar(asked: Asked, number: int, step: StepFigures, count_before: int, before: StepFigures | None) -> Bar:
    name, words = (step["name"], "") if asked.funnel.order == "any" else named(asked.funnel, number)
    lost = count_before - step["count"]
    here = asked.scope.here
    return Bar(
        number=number + 1,
        name=name,
        words=words,
        count=step["count"],
        conversion_ratio=step["conversion_ratio"],
        step_conversion_ratio=step["step_conversion_ratio"],
        width=percent(step["conversion_ratio"]),
        change=change_words(step, before) if before and before["count"] and number else "",
        lost_count=lost,
        lost_ratio=lost / count_before if count_before else None,
        median_ms=milliseconds(step["median_seconds"]),
        mean_ms=milliseconds(step["mean_seconds"]),
        people_url=here(**{STEP: number + 1, LOST: None}),
        lost_url=here(**{STEP: number + 1, LOST: 1}) if number and lost else "",
    )

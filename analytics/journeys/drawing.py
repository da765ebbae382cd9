"""A journey's answer as bars and rows that a template draws. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from projects import figures

DAY_MINUTES = 24 * 60
LONG_MINUTES = 2 * DAY_MINUTES
"""From here on nobody thinks in hours."""

Answer = Mapping[str, Any]
"""What `answers.journey_answer` gives."""


@dataclass(frozen=True, slots=True)
class StageBar:
    """A stage's median against its target; `share` and `mark` are places between 0 and 1 on a common scale."""

    milestone: Answer
    median: str
    target: str
    share: float
    mark: float | None
    state: str
    words: str
    """How the median stands to the target."""


@dataclass(frozen=True, slots=True)
class DistributionBar:
    """How many completed in so many minutes; `share` is of the longest bar."""

    words: str
    people: int
    share: float
    begins_at_target: bool


def minutes_text(minutes: float | None) -> str:
    """12 min, 2.1 h, 3.5 d."""
    if minutes is not None and minutes >= LONG_MINUTES:
        return f"{figures.number(minutes / DAY_MINUTES)} d"
    return figures.duration(None if minutes is None else minutes * 60_000)


def stage_bars(answer: Answer) -> list[StageBar]:
    """Every milestone; the longest median or target fills the scale."""
    milestones = answer["milestones"]
    lengths = [one[name] or 0.0 for one in milestones for name in ("median_minutes", "target_minutes")]
    scale = max(lengths, default=0.0) or 1.0
    return [_stage_bar(one, scale) for one in milestones]


def _stage_bar(milestone: Answer, scale: float) -> StageBar:
    median, target = milestone["median_minutes"], milestone["target_minutes"]
    is_compared = median is not None and target is not None
    is_late = is_compared and median > target
    return StageBar(
        milestone=milestone,
        median=minutes_text(median),
        target=minutes_text(target),
        share=(median or 0.0) / scale,
        mark=None if target is None else target / scale,
        state=("warning" if is_late else "good") if is_compared else "quiet",
        words=("over target" if is_late else "in time") if is_compared else "",
    )


def distribution_bars(answer: Answer) -> list[DistributionBar]:
    bars = answer["distribution"]
    most = max((bar["people"] for bar in bars), default=0) or 1
    return [
        DistributionBar(
            _between(bar["from_minutes"], bar["to_minutes"]),
            bar["people"],
            bar["people"] / most,
            bool(answer["target_minutes"]) and bar["from_minutes"] == answer["target_minutes"],
        )
        for bar in bars
    ]


def _between(low: float, high: float | None) -> str:
    if high is None:
        return f"{minutes_text(low)} and more"
    return f"{minutes_text(low)} to {minutes_text(high)}" if low else f"under {minutes_text(high)}"


FIGURES = (
    "people", "completed", "completion_ratio", "efficiency_score", "median_minutes", "mean_minutes", "p90_minutes",
)  # fmt: skip

STAGES = (
    "key", "name", "target_minutes", "reached", "reached_ratio", "within_target_ratio", "median_minutes",
    "mean_minutes", "p90_minutes",
)  # fmt: skip


def rows_of(answers: Sequence[Answer], names: Sequence[str]) -> list[list[Any]]:
    """Some members of each, for exports."""
    return [[one[name] for name in names] for one in answers]

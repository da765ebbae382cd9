"""The anomaly rule, stepped through a series as it would have come, and a plain z-score to compare it with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from alerting.anomaly_scores.labelled import LabelledSeries
from alerting.anomaly_scores.scoring import Episode
from alerting.replay.engine import Replay, ReplayedRule
from alerting.replay.memory import MemorySources, MetricSeries
from alerting.replay.points import Points
from alerting.rule_types.anomaly import RULE_TYPE, AnomalyCondition
from alerting.sources.series import Series
from alerting.state import RuleState

RULE_ID = 1
LAST_STEP = timedelta(minutes=5)
LEAST_POINTS = 12
"""A z-score of fewer points than this says nothing."""


def anomaly_episodes(series: LabelledSeries, condition: AnomalyCondition, keep: timedelta) -> list[Episode]:
    """When the rule's alert fires; a point is judged when the next one is due, which isn't seen yet."""
    points = Points.of((at.timestamp(), value) for at, value in series.points)
    sources = MemorySources(
        metrics=[MetricSeries(Series(series.name, condition.metric or "", {}, {}), points)]
    )
    state = RuleState(
        operator=condition.operator, threshold=condition.threshold, evaluation_interval_seconds=1
    )
    rule = ReplayedRule(
        id=RULE_ID,
        name=series.name,
        source_type="system_metric",
        rule_type=RULE_TYPE,
        condition=condition,
        state=state,
    )
    replay = Replay([rule], sources)
    times = [at for at, _ in series.points]
    is_firing: list[bool] = []
    for at in [*times[1:], times[-1] + LAST_STEP]:
        replay.step(at)
        is_firing.append(bool(replay.alerts_of(RULE_ID)))
    return episodes_of(times, is_firing, keep)


def z_score_episodes(series: LabelledSeries, threshold: float, keep: timedelta) -> list[Episode]:
    """When a point lies more than `threshold` standard deviations from the mean of all before it."""
    mean, squares = 0.0, 0.0
    is_far: list[bool] = []
    for count, (_, value) in enumerate(series.points):
        deviation = math.sqrt(squares / count) if count else 0.0
        is_far.append(count >= LEAST_POINTS and abs(value - mean) > threshold * deviation)
        # Welford's way: sums of squares of large values would lose the digits that matter.
        distance = value - mean
        mean += distance / (count + 1)
        squares += distance * (value - mean)
    return episodes_of([at for at, _ in series.points], is_far, keep)


def episodes_of(times: Sequence[datetime], is_firing: Sequence[bool], keep: timedelta) -> list[Episode]:
    """The points at which an alert fires, as runs; one that comes back within `keep` is the same, as
    `keep_firing_for_seconds` has it."""
    episodes: list[Episode] = []
    for at, fires in zip(times, is_firing, strict=True):
        if not fires:
            continue
        if episodes and at - episodes[-1][1] <= keep:
            episodes[-1] = (episodes[-1][0], at)
        else:
            episodes.append((at, at))
    return episodes

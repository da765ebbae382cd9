"""Prometheus' conformance test of alert generators: the state at every evaluation.

The time lines are not part of the repository (Apache-2.0, prometheus/compliance).
"""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from alerting.replay.engine import Replay
from alerting.replay.file_rules import read_rule, siblings_of
from alerting.replay.memory import MemorySources, MetricSeries
from alerting.replay.points import Points
from alerting.replay.rule_tests import TIME_ZERO
from alerting.sources.series import Series

TIMELINES = Path(__file__).resolve().parents[4] / "shared/data/open/alert-generator/timelines.json"
METRIC = "alert_generator_test_suite"
AFTER_THE_LAST_SAMPLE_SECONDS = 600

Timeline = dict[str, Any]


def _timelines() -> list[Timeline]:
    return json.loads(TIMELINES.read_text())["cases"] if TIMELINES.exists() else []


def _replay(timeline: Timeline) -> Replay:
    points = Points.of((sample["t_s"], sample["value"]) for sample in timeline["samples"])
    series = Series(1, METRIC, {"alertname": timeline["alert"]}, {})
    rule = {
        "id": 1,
        "name": timeline["alert"],
        "rule_type": "metric_threshold",
        "source_type": "system_metric",
        "condition_config": {
            "metric": METRIC,
            "operator": ">",
            "threshold": float(timeline["condition"].removeprefix("value > ")),
            "aggregation": "last",
            "group_by": ["*"],
        },
        "for_seconds": timeline["for_s"],
        "no_data": "ok",
    }
    (own,) = siblings = siblings_of([rule])
    rules = [read_rule(rule, own, siblings, timeline["eval_interval_s"])]
    return Replay(rules, MemorySources(metrics=[MetricSeries(series, points)]))


def _states(timeline: Timeline) -> list[tuple[float, str]]:
    """(seconds, state) at every evaluation."""
    replay, interval = _replay(timeline), timeline["eval_interval_s"]
    end = timeline["samples"][-1]["t_s"] + AFTER_THE_LAST_SAMPLE_SECONDS
    states: list[tuple[float, str]] = []
    for at in range(0, int(end), interval):
        replay.step(TIME_ZERO + timedelta(seconds=at))
        alerts = replay.alerts_of(1)
        states.append((at, alerts[0].state.status if alerts else "inactive"))
    return states


@pytest.mark.skipif(not TIMELINES.exists(), reason=f"{TIMELINES.name} is not beside the repository")
@pytest.mark.parametrize("timeline", [pytest.param(one, id=one["group"]) for one in _timelines()])
def test_the_state_at_each_evaluation_is_prometheus_own(timeline: Timeline) -> None:
    """A change may be seen one interval late, as the conformance test allows."""
    interval = timeline["eval_interval_s"]
    wanted = timeline["states"]
    states = _states(timeline)
    for at, state in states:
        allowed = {
            [one["state"] for one in wanted if one["from_t_s"] <= moment][-1]
            for moment in (at, max(0, at - interval))
        }
        assert state in allowed or at > timeline["samples"][-1]["t_s"], f"{state} at {at} s"
    assert [state for state, _ in groupby(state for _, state in states)] == [
        state for state, _ in groupby(one["state"] for one in wanted)
    ]

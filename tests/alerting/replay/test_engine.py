"""Rules stepped through time without a database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from alerting.replay.engine import Evaluation, Replay
from alerting.replay.file_rules import read_rule, siblings_of
from alerting.replay.memory import MemorySources, MetricSeries
from alerting.replay.notation import parse_values
from alerting.replay.rule_tests import TIME_ZERO
from alerting.replay.scans import EventCount
from alerting.sources.series import Series

CPU: dict[str, Any] = {
    "name": "High CPU",
    "rule_type": "metric_threshold",
    "source_type": "system_metric",
    "condition_config": {"metric": "cpu", "operator": ">", "threshold": 80, "aggregation": "last"},
}
ERRORS: dict[str, Any] = {
    "name": "Errors",
    "rule_type": "event_frequency",
    "source_type": "telemetry_event",
    "condition_config": {"threshold": 2, "group_by": ["user_id"]},
}


def replay_of(sources: MemorySources, *rules: dict[str, Any], interval_seconds: float = 60) -> Replay:
    numbered = [{**rule, "id": number} for number, rule in enumerate(rules, start=1)]
    siblings = siblings_of(numbered)
    read = [
        read_rule(rule, own, siblings, interval_seconds) for rule, own in zip(numbered, siblings, strict=True)
    ]
    return Replay(read, sources)


def metric(values: str) -> MemorySources:
    return MemorySources(metrics=[MetricSeries(Series(1, "cpu", {}, {}), parse_values(values, 60))])


def events(*rows: tuple[float, int, str]) -> MemorySources:
    return MemorySources(events=[EventCount(at, count, (("user_id", user),)) for at, count, user in rows])


def changes(evaluations: Sequence[Evaluation]) -> list[tuple[float, str]]:
    """(minutes, new status) of every change."""
    return [
        ((evaluation.at - TIME_ZERO) / timedelta(minutes=1), move.change.to_status)
        for evaluation in evaluations
        for move in evaluation.moves
        if move.change
    ]


def run(replay: Replay, minutes: float, step_seconds: float = 60) -> list[Evaluation]:
    return list(replay.run(TIME_ZERO, TIME_ZERO + timedelta(minutes=minutes), step_seconds))


@pytest.mark.parametrize(
    ("settings", "moves"),
    [
        ({}, [(1, "firing"), (4, "resolved")]),
        ({"for_seconds": 60}, [(1, "pending"), (2, "firing"), (4, "resolved")]),
        ({"keep_firing_for_seconds": 60}, [(1, "firing"), (5, "resolved")]),
        ({"recovery_threshold": 60}, [(1, "firing"), (5, "resolved")]),
        ({"evaluation_delay_seconds": 60}, [(2, "firing"), (5, "resolved")]),
    ],
)
def test_a_replay_moves_alerts_as_the_tick_does(
    settings: dict[str, Any], moves: list[tuple[float, str]]
) -> None:
    replay = replay_of(metric("0 90x2 70 0x4"), {**CPU, **settings})
    assert changes(run(replay, 8)) == moves
    assert replay.alerts_of(1) == []


def test_a_rule_is_evaluated_on_its_own_grid_and_slots_that_passed_are_left_out() -> None:
    replay = replay_of(metric("0"), CPU, interval_seconds=60)
    evaluated = [
        at for at in (0, 30, 59, 60, 200, 239, 240, 241) if replay.step(TIME_ZERO + timedelta(seconds=at))
    ]
    assert evaluated == [0, 60, 200, 240]


def test_an_alert_keeps_its_id_for_its_episode_and_the_next_one_has_another() -> None:
    replay = replay_of(metric("90 95 0 90"), CPU)
    seen = []
    for minute in range(4):
        replay.step(TIME_ZERO + timedelta(minutes=minute))
        seen += [alert.id for alert in replay.alerts_of(1)]
    assert (seen[0] == seen[1], seen[2] in seen[:2]) == (True, False)


def test_what_flaps_stays_until_it_is_calm() -> None:
    flapping = {**CPU, "flap_detection": True}
    found = changes(run(replay_of(metric(" ".join(["90 0"] * 4 + ["0"] * 20)), flapping), 27))
    assert [status for _, status in found].count("firing") == 4
    assert found[-1] == (22, "resolved")


def test_events_are_counted_by_label_set() -> None:
    replay = replay_of(events((0, 3, "ann"), (60, 1, "bob"), (61, 1, "bob")), ERRORS)
    run(replay, 2)
    assert [(dict(alert.labels), alert.state.value) for alert in replay.alerts_of(1)] == [
        ({"user_id": "ann"}, 3),
        ({"user_id": "bob"}, 2),
    ]


@pytest.mark.parametrize(("on_error", "alerts"), [("keep", []), ("alert", [{"rule_health": "unhealthy"}])])
def test_a_rule_with_too_many_label_sets_is_an_error_of_this_rule_alone(
    on_error: str, alerts: list[dict[str, str]]
) -> None:
    sources = events(*((1.0, 2, str(user)) for user in range(10_001)))
    narrow = {
        **ERRORS,
        "condition_config": {"threshold": 2, "group_by": ["user_id"], "filters": {"user_id": "7"}},
    }
    replay = replay_of(sources, {**ERRORS, "on_error": on_error}, narrow)
    wide, fine = run(replay, 1)[-2:]
    assert (wide.error.startswith("There are more than 10000 label sets"), fine.error) == (True, "")
    assert [dict(alert.labels) for alert in replay.alerts_of(1)] == alerts
    assert [dict(alert.labels) for alert in replay.alerts_of(2)] == [{"user_id": "7"}]


def test_rules_that_depend_on_rules_come_last_whatever_their_order() -> None:
    def about(name: str, member: str) -> dict[str, Any]:
        return {
            "name": name,
            "rule_type": "composite",
            "source_type": "rule",
            "condition_config": {"rules": [member], "need": "all"},
        }

    replay = replay_of(metric("90"), about("top", "middle"), about("middle", "High CPU"), CPU)
    assert changes(run(replay, 0)) == [(0, "firing")] * 3

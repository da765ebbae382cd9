"""A tick over 10,000 rules on 1,000 series, against Prometheus evaluating the same rules on the same points."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.benchmark import ROUNDS, Bench, Benchmark
from benchmarks.debian import ProgramMissingError, find_program
from benchmarks.inside import prepare_rules, prepare_ticks
from benchmarks.jobs import Job, run_together
from benchmarks.prometheus import Points, Prometheus
from benchmarks.report import Row, figure
from benchmarks.running import PlatformError, RunningPlatform

METRIC = "bench_load"
STEP_SECONDS = 15
HISTORY_STEPS = 40
RULES_PER_SERIES = 10
GROUP_SIZE = 100
QUIET_VALUE = 50.0
FLIP_VALUE = 1e6
"""Far enough above one window's twenty quiet points, and every threshold, to move the average alone."""
_MARGIN_SECONDS = 0.4
_LEAD_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """Points at every step around `origin` (Unix seconds), some of them in the future."""

    series_count: int
    origin: float
    steps_ahead: int

    @property
    def rule_count(self) -> int:
        return self.series_count * RULES_PER_SERIES

    def points(self, number: int) -> Points:
        """1 % of the series jump up and down from the origin on; within five minutes these jumps all count."""
        flips = number < self.series_count // 100
        return [
            (
                QUIET_VALUE + (FLIP_VALUE * (-1) ** step if flips and step >= 0 else 0),
                self.origin + step * STEP_SECONDS,
            )
            for step in range(-HISTORY_STEPS, self.steps_ahead)
        ]


def rule_values(number: int) -> dict[str, Any]:
    """Our rule of this number; `expression` is the same for Prometheus."""
    condition = {
        "metric": METRIC,
        "operator": ">",
        "threshold": _threshold(number),
        "time_window_minutes": 5,
        "aggregation": "avg",
        "filters": {"series": str(number // RULES_PER_SERIES)},
    }
    return {
        "name": f"bench {number}",
        "rule_type": "metric_threshold",
        "source_type": "system_metric",
        "condition_config": condition,
        "evaluation_interval_seconds": STEP_SECONDS,
    }


def expression(number: int) -> str:
    return f'avg_over_time({METRIC}{{series="{number // RULES_PER_SERIES}"}}[5m]) > {_threshold(number)}'


def _threshold(number: int) -> int:
    return 100 + 10 * (number % RULES_PER_SERIES)


def run(bench: Bench) -> Sequence[Row]:
    try:
        program = find_program("prometheus", bench.folder)
    except ProgramMissingError as error:
        return [Row("rules", 1, "s", "lower", reason=str(error))]
    rounds = bench.pick(small=2, full=ROUNDS)
    # Beat must not take the rules away.
    platform = bench.start_platform(TELEMETRY_TICK_SECONDS="3600")
    environ = platform.environ()
    series_count = bench.pick(small=100, full=1000)
    run_together([Job(prepare_rules, environ, rule_values, series_count * RULES_PER_SERIES)])
    ticks = Job(prepare_ticks, environ)
    ticks.wait_until_prepared()
    bench.stack.callback(ticks.close)
    plan = Plan(series_count, time.time() // 1 + _LEAD_SECONDS + series_count // 100, rounds + 3)
    groups = {
        f"group_{start // GROUP_SIZE}": [expression(number) for number in range(start, start + GROUP_SIZE)]
        for start in range(0, plan.rule_count, GROUP_SIZE)
    }
    prometheus = bench.stack.enter_context(Prometheus(program, bench.folder, groups, STEP_SECONDS))
    _feed(plan, platform, prometheus)
    return [_measure(bench, plan, ticks, prometheus, rounds)]


def _measure(
    bench: Bench, plan: Plan, ticks: Job[tuple[float, int, int]], prometheus: Prometheus, rounds: int
) -> Row:
    ours: list[float] = []
    theirs: list[float] = []
    for step in range(rounds + 1):
        began = plan.origin + step * STEP_SECONDS
        _sleep_until(began + _MARGIN_SECONDS)
        prometheus.pause()
        seconds = _tick(ticks, plan)
        prometheus.resume()
        _sleep_until(began + STEP_SECONDS - _MARGIN_SECONDS)
        evaluated = prometheus.rule_seconds(plan.rule_count)
        if step:  # the first step fills caches on both sides
            ours.append(seconds)
            theirs.append(evaluated)
            found = f"ours {figure(statistics.median(ours))}, theirs {figure(statistics.median(theirs))}"
            bench.progress.advance(step, rounds, found)
    notes = [
        f"{plan.rule_count:,} rules over {plan.series_count:,} series, {plan.rule_count // 100} changes a tick"
    ]
    return Row("rules", 1, "s", "lower", ours=ours, theirs=theirs, notes=notes)


def _tick(ticks: Job[tuple[float, int, int]], plan: Plan) -> float:
    ticks.go()
    seconds, rule_count, change_count = ticks.result().value
    if (rule_count, change_count) != (plan.rule_count, plan.rule_count // 100):
        raise PlatformError(f"a tick evaluated {rule_count} rules and changed {change_count} alerts")
    return seconds


def _feed(plan: Plan, platform: RunningPlatform, prometheus: Prometheus) -> None:
    """The same points into both, the coming ones included: neither looks ahead of its clock."""
    names = [str(number) for number in range(plan.series_count)]
    points = {name: plan.points(int(name)) for name in names}
    for start in range(0, len(names), 100):
        some = {name: points[name] for name in names[start : start + 100]}
        prometheus.write(METRIC, some)
        metrics = [
            {"metric_name": METRIC, "metric_value": value, "timestamp": seconds, "tags": {"series": name}}
            for name, series in some.items()
            for value, seconds in series
        ]
        answer = platform.post("/api/v1/metrics", {"metrics": metrics})
        if answer["accepted"] != len(metrics):
            raise PlatformError(f"points were refused: {answer['errors'][:1]}")


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.time()))


BENCHMARK = Benchmark("rules", run)

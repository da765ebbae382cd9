"""Running rule tests: each over its own series from time 0, and each expectation against the alerts that fire then."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from alerting.replay.engine import Replay, ReplayedRule
from alerting.replay.memory import MemorySources, MetricSeries
from alerting.replay.notation import Selector
from alerting.replay.rule_files import Expectation, InputSeries, RuleTest, RuleTestFile
from alerting.sources.series import Series
from alerting.state import CRITICAL

TIME_ZERO = datetime.fromtimestamp(0, UTC)
"""As in promtool."""


@dataclass(frozen=True, slots=True)
class FiringAlert:
    """An alert as expectations see it."""

    labels: dict[str, str]
    severity: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """An expectation beside what came. `error` is why the rule could not be evaluated then."""

    test: RuleTest
    expectation: Expectation
    came: tuple[FiringAlert, ...]
    error: str = ""

    @property
    def is_met(self) -> bool:
        return not self.error and _agree(self.expectation, self.came)

    @property
    def wanted_text(self) -> str:
        return _listed(_labels_text(labels) for labels in self.expectation.alerts)

    @property
    def came_text(self) -> str:
        if self.error:
            return f"the rule could not be evaluated: {self.error}"
        return _listed(f"{_labels_text(alert.labels)} with severity {alert.severity}" for alert in self.came)


def run_file(file: RuleTestFile) -> Iterator[Verdict]:
    """A verdict on every expectation of a file, in its order."""
    for test in file.tests:
        yield from run_test(test, file.rules, file.evaluation_interval_seconds)


def run_test(test: RuleTest, rules: Sequence[ReplayedRule], interval_seconds: float) -> list[Verdict]:
    """Evaluate all rules each interval from time 0; an expectation sees the last evaluation at or before its time."""
    due: dict[int, list[int]] = defaultdict(list)
    for position, expectation in enumerate(test.expectations):
        due[_slot(expectation.at_seconds, interval_seconds)].append(position)
    replay = Replay(rules, sources_of(test.series))
    verdicts: dict[int, Verdict] = {}
    for slot in range(max(due, default=-1) + 1):
        evaluations = replay.step(TIME_ZERO + timedelta(seconds=slot * interval_seconds))
        errors = {evaluation.rule_id: evaluation.error for evaluation in evaluations if evaluation.error}
        for position in due.get(slot, ()):
            verdicts[position] = _verdict(test, test.expectations[position], rules, replay, errors)
    return [verdicts[position] for position in range(len(test.expectations))]


def _slot(at_seconds: float, interval_seconds: float) -> int:
    """The number of the last evaluation at or before a time, in whole microseconds as floats would miss the edge."""
    return round(at_seconds * 1e6) // round(interval_seconds * 1e6)


def _verdict(
    test: RuleTest,
    expectation: Expectation,
    rules: Sequence[ReplayedRule],
    replay: Replay,
    errors: dict[int, str],
) -> Verdict:
    named = [rule for rule in rules if rule.name == expectation.rule_name]
    came = tuple(
        FiringAlert(dict(alert.labels), CRITICAL if alert.state.is_critical else rule.state.severity)
        for rule in named
        for alert in replay.alerts_of(rule.id)
        if alert.state.status == "firing"
    )
    unnoticed = [errors[rule.id] for rule in named if rule.id in errors and not rule.alerts_on_error]
    return Verdict(test, expectation, came, "; ".join(unnoticed))


def sources_of(series: Sequence[InputSeries]) -> MemorySources:
    """What rules about metrics and about business metrics read; there are no events and no spans."""
    metrics = [
        MetricSeries(_series(position, one.selector), one.points) for position, one in enumerate(series)
    ]
    return MemorySources(metrics=metrics, business=metrics)


def _series(key: int, selector: Selector) -> Series:
    """With the columns that Prometheus' own labels fill when it sends the series by remote write."""
    columns = {"service_name": selector.labels.get("job"), "instance_id": selector.labels.get("instance")}
    return Series(
        key, selector.name, selector.labels, {name: value for name, value in columns.items() if value}
    )


def _agree(expectation: Expectation, came: Sequence[FiringAlert]) -> bool:
    """Whether each alert is wanted and each wanted one came; those that name a severity choose first."""
    left = list(came)
    for wanted in sorted(expectation.alerts, key=lambda labels: "severity" not in labels):
        found = next((alert for alert in left if _fits(wanted, expectation.rule_name, alert)), None)
        if found is None:
            return False
        left.remove(found)
    return not left


def _fits(wanted: dict[str, str], rule_name: str, alert: FiringAlert) -> bool:
    """`alertname` and `severity` may be left out, unless the alert has a label of that name."""
    implied = {"alertname": rule_name}
    if "severity" in wanted:
        implied["severity"] = alert.severity
    return {**implied, **alert.labels} == {"alertname": rule_name, **wanted}


def _labels_text(labels: dict[str, str]) -> str:
    pairs = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    return f"{{{pairs}}}"


def _listed(texts: Iterator[str]) -> str:
    return ", ".join(sorted(texts)) or "no alerts"

"""Files of rule tests, as promtool has them: YAML read into rules, series and expectations, with errors that say where.

evaluation_interval: 1m
rules:
  - {"name": "High CPU", "rule_type": "metric_threshold", "source_type": "system_metric", ...}
tests:
  - interval: 1m
    input_series: [{series: 'cpu_usage{host_name="a"}', values: '1 2x3 _ 1+1x5 stale'}]
    alert_rule_test: [{eval_time: 5m, alertname: High CPU, exp_alerts: [{exp_labels: {host_name: a}}]}]
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from alerting.replay.engine import ReplayedRule
from alerting.replay.file_rules import FileRuleError, read_rule, siblings_of
from alerting.replay.located_yaml import LocatedYaml, Path, YamlError
from alerting.replay.notation import NotationError, Selector, parse_duration, parse_series, parse_values
from alerting.replay.points import Points

MAX_EVALUATIONS = 1_000_000
"""Steps of one test: a bound on what one wrong unit can cost."""

_PATH = re.compile(r" - at `(?:key in )?\$([^`]*)`$")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")

T = TypeVar("T")


class FileError(ValueError):
    """What is wrong with a file, and where in it."""


class _Alert(msgspec.Struct, forbid_unknown_fields=True):
    exp_labels: dict[str, str | None] | None = None
    exp_annotations: dict[str, Any] | None = None


class _AlertTest(msgspec.Struct, forbid_unknown_fields=True):
    eval_time: str
    alertname: str
    exp_alerts: list[_Alert] | None = None


class _Series(msgspec.Struct, forbid_unknown_fields=True):
    series: str
    values: str


class _Test(msgspec.Struct, forbid_unknown_fields=True):
    name: str | None = None
    interval: str | None = None
    input_series: list[_Series] | None = None
    alert_rule_test: list[_AlertTest] | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    rules: list[dict[str, Any]]
    tests: list[_Test]
    evaluation_interval: str | None = None


@dataclass(frozen=True, slots=True)
class InputSeries:
    """A series and its points from time 0 on."""

    selector: Selector
    points: Points


@dataclass(frozen=True, slots=True)
class Expectation:
    """The alerts of the rules of a name that are to fire `at_seconds` after time 0, by their labels."""

    line: int
    at: str
    at_seconds: float
    rule_name: str
    alerts: tuple[dict[str, str], ...]


@dataclass(frozen=True, slots=True)
class RuleTest:
    """One test of a file: series, and what is expected of the rules over them."""

    name: str
    series: tuple[InputSeries, ...]
    expectations: tuple[Expectation, ...]


@dataclass(frozen=True, slots=True)
class RuleTestFile:
    """A file that can be run."""

    evaluation_interval_seconds: float
    rules: tuple[ReplayedRule, ...]
    tests: tuple[RuleTest, ...]


def read_file(text: str) -> RuleTestFile:
    """The rules and tests of a file. Raises FileError."""
    return _Reader(text).file()


class _Reader:
    def __init__(self, text: str) -> None:
        try:
            self._yaml = LocatedYaml(text, typed={("rules",)})
        except YamlError as error:
            raise FileError(str(error)) from None
        try:
            self._file = msgspec.convert(self._yaml.data, _File)
        except msgspec.ValidationError as error:
            raise self._shape_error(str(error)) from None

    def file(self) -> RuleTestFile:
        interval_seconds = self._interval(self._file.evaluation_interval, ("evaluation_interval",))
        rules = self._rules(interval_seconds)
        tests = tuple(self._test(position, test) for position, test in enumerate(self._file.tests))
        self._check_names({rule.name for rule in rules}, tests)
        self._check_lengths(tests, interval_seconds)
        return RuleTestFile(interval_seconds, rules, tests)

    def _rules(self, interval_seconds: float) -> tuple[ReplayedRule, ...]:
        siblings = siblings_of(self._file.rules)
        ids = [one.id for one in siblings]
        for position, rule_id in enumerate(ids):
            if rule_id in ids[:position]:
                raise self._error(("rules", position, "id"), f"another rule has the id {rule_id}")
        return tuple(
            self._at(("rules", position), read_rule, rule, siblings[position], siblings, interval_seconds)
            for position, rule in enumerate(self._file.rules)
        )

    def _test(self, position: int, test: _Test) -> RuleTest:
        path: Path = ("tests", position)
        interval_seconds = self._interval(test.interval, (*path, "interval"))
        series = [
            self._series((*path, "input_series", at), one, interval_seconds)
            for at, one in enumerate(test.input_series or [])
        ]
        expectations = [
            self._expectation((*path, "alert_rule_test", at), one)
            for at, one in enumerate(test.alert_rule_test or [])
        ]
        self._check_once(path, series)
        return RuleTest(test.name or f"test {position + 1}", tuple(series), tuple(expectations))

    def _series(self, path: Path, one: _Series, interval_seconds: float) -> InputSeries:
        return InputSeries(
            self._at((*path, "series"), parse_series, one.series),
            self._at((*path, "values"), parse_values, one.values, interval_seconds),
        )

    def _expectation(self, path: Path, one: _AlertTest) -> Expectation:
        wanted = [alert.exp_labels or {} for alert in one.exp_alerts or []]
        return Expectation(
            line=self._yaml.line_of(path),
            at=one.eval_time,
            at_seconds=self._at((*path, "eval_time"), parse_duration, one.eval_time),
            rule_name=one.alertname,
            alerts=tuple({name: text for name, text in labels.items() if text} for labels in wanted),
        )

    def _interval(self, text: str | None, path: Path) -> float:
        if text is None:
            return 60.0
        seconds = self._at(path, parse_duration, text)
        if seconds <= 0:
            raise self._error(path, "an interval must be longer than 0")
        return seconds

    def _check_once(self, path: Path, series: list[InputSeries]) -> None:
        known: set[tuple[str, frozenset[tuple[str, str]]]] = set()
        for position, one in enumerate(series):
            identity = (one.selector.name, frozenset(one.selector.labels.items()))
            if identity in known:
                raise self._error((*path, "input_series", position, "series"), "this series is given twice")
            known.add(identity)

    def _check_names(self, names: set[str], tests: tuple[RuleTest, ...]) -> None:
        """A name that no rule has would meet every expectation of no alerts."""
        for position, test in enumerate(tests):
            for at, expectation in enumerate(test.expectations):
                if expectation.rule_name not in names:
                    path: Path = ("tests", position, "alert_rule_test", at, "alertname")
                    raise self._error(path, f"there is no rule {expectation.rule_name!r}")

    def _check_lengths(self, tests: tuple[RuleTest, ...], interval_seconds: float) -> None:
        for position, test in enumerate(tests):
            for at, expectation in enumerate(test.expectations):
                if expectation.at_seconds / interval_seconds > MAX_EVALUATIONS:
                    path: Path = ("tests", position, "alert_rule_test", at, "eval_time")
                    raise self._error(path, f"a test has at most {MAX_EVALUATIONS} evaluations")

    def _at(self, path: Path, read: Callable[..., T], *arguments: Any) -> T:
        try:
            return read(*arguments)
        except (NotationError, FileRuleError) as error:
            raise self._error(path, str(error)) from None

    def _shape_error(self, message: str) -> FileError:
        found = _PATH.search(message)
        steps = _STEP.findall(found[1]) if found else []
        path: Path = tuple(name or int(position) for name, position in steps)
        return self._error(path, _PATH.sub("", message))

    def _error(self, path: Path, message: str) -> FileError:
        return FileError(f"line {self._yaml.line_of(path)}, {self._words(path)}: {message}")

    def _words(self, path: Path) -> str:
        """`test 'cpu', input_series 1, values` of the path to it."""
        words: list[str] = []
        for depth, step in enumerate(path):
            if isinstance(step, int):
                before = words.pop() if words else ""
                words.append(f"{_NOUNS.get(before, before)} {self._name_of(path[: depth + 1], step)}")
            else:
                words.append(step)
        return ", ".join(words) or "file"

    def _name_of(self, path: Path, position: int) -> str:
        found = self._yaml.data
        for step in path:
            found = found[step]
        name = found.get("name") if isinstance(found, dict) else None
        return repr(name) if isinstance(name, str) else str(position + 1)


_NOUNS = {"tests": "test", "rules": "rule"}
"""What one of a list is called."""

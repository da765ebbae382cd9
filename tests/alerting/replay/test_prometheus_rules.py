"""Prometheus' own unit tests of real alerting rules: where a rule type says the same, alerts come at the same times.

The cases are not part of the repository (Apache-2.0, prometheus/prometheus and redhat-appstudio/o11y).
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from alerting.replay.rule_files import read_file
from alerting.replay.rule_tests import run_file
from tests.alerting.replay import promql

CASES = Path(__file__).resolve().parents[4] / "shared/data/open/alert-rules/cases.jsonl"
SKIPPED = f"{CASES.name} with Prometheus' rule tests is not beside the repository"

MAPPED_COUNTS = {
    "simple_threshold": 43,
    "window_expression": 17,
    "window_threshold": 16,
    "aggregate": 5,
    "other": 4,
    "absence": 2,
}
UNMAPPED_COUNTS = {
    ("aggregate", promql.MATCHERS): 6,
    ("constant", promql.CONSTANT): 2,
    ("join", promql.MATCHERS): 2,
    ("join", promql.VECTOR_MATCHING): 4,
    ("other", promql.ARITHMETIC): 8,
    ("other", promql.MATCHERS): 2,
    ("other", promql.TIME): 4,
    ("set_operation", promql.SET_OPERATIONS): 51,
    ("set_operation", promql.TIME): 18,
    ("simple_threshold", promql.MATCHERS): 9,
    ("window_expression", promql.QUANTILE): 9,
    ("window_expression", promql.ARITHMETIC): 6,
    ("window_expression", promql.WITHOUT): 2,
    ("window_expression", promql.MATCHERS): 7,
    ("window_expression", promql.VECTOR_MATCHING): 10,
}
"""By (shape, reason)."""

Case = dict[str, Any]


def _cases() -> list[Case]:
    return [json.loads(line) for line in CASES.read_text().splitlines()] if CASES.exists() else []


def _rules(case: Case) -> list[dict[str, Any]]:
    rules = [promql.rules_of(case["alertname"], rule, case["interval"]) for rule in case["rules"]]
    return [rule for several in rules for rule in several]


def _is_mapped(case: Case) -> bool:
    try:
        return bool(_rules(case))
    except promql.NotMapped:
        return False


def _name(case: Case) -> str:
    return f"{case['alertname']}-{case['eval_time']}"


def _file(case: Case) -> str:
    """The case as a file of this platform: JSON is YAML.

    Labels that a Prometheus rule adds to its alerts are left out, as our alerts have those of their series only.
    """
    added = {name for rule in case["rules"] for name in rule.get("labels") or {}}
    rules = _rules(case)
    if rules[0]["rule_type"] == "absence":
        # Prometheus gives an absence the labels that it looked for.
        added |= rules[0]["condition_config"]["filters"].keys()
    wanted = [
        {name: text for name, text in alert["exp_labels"].items() if name not in added}
        for alert in case["exp_alerts"] or []
    ]
    expectation = {
        "eval_time": case["eval_time"],
        "alertname": case["alertname"],
        "exp_alerts": [{"exp_labels": labels} for labels in wanted],
    }
    test = {
        "interval": case["interval"],
        "input_series": case["input_series"],
        "alert_rule_test": [expectation],
    }
    return json.dumps({"evaluation_interval": case["evaluation_interval"], "rules": rules, "tests": [test]})


@pytest.mark.skipif(not CASES.exists(), reason=SKIPPED)
@pytest.mark.parametrize(
    "case", [pytest.param(case, id=_name(case)) for case in _cases() if _is_mapped(case)]
)
def test_a_rule_fires_when_prometheus_expects_it_to(case: Case) -> None:
    (verdict,) = run_file(read_file(_file(case)))
    assert verdict.is_met, f"{case['rules']}: wanted {verdict.wanted_text}, came {verdict.came_text}"


@pytest.mark.skipif(not CASES.exists(), reason=SKIPPED)
def test_the_cases_that_no_rule_type_can_say_are_those_written_down() -> None:
    cases = _cases()
    assert Counter(case["shape"] for case in cases if _is_mapped(case)) == MAPPED_COUNTS
    assert unmapped_reasons(cases) == UNMAPPED_COUNTS


def unmapped_reasons(cases: list[Case]) -> Counter[tuple[str, str]]:
    """How many cases of each (shape, reason) no rule type can say."""
    reasons: Counter[tuple[str, str]] = Counter()
    for case in cases:
        try:
            _rules(case)
        except promql.NotMapped as error:
            reasons[case["shape"], str(error)] += 1
    return reasons


def unmapped_table() -> str:
    """What the documentation says of them, in Markdown."""
    lines = ["| shape | cases | why no rule type says it |", "|---|---|---|"]
    lines += [
        f"| {shape} | {count} | {reason} |" for (shape, reason), count in sorted(UNMAPPED_COUNTS.items())
    ]
    return "\n".join(lines)

"""`manage.py test_rules`: what files say, what the command answers, and where it points when a file is wrong."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.platform.running import manage

HIGH_CPU: dict[str, Any] = {
    "name": "High CPU",
    "rule_type": "metric_threshold",
    "source_type": "system_metric",
    "condition_config": {
        "metric": "cpu_usage",
        "operator": ">",
        "threshold": 80,
        "aggregation": "last",
        "group_by": ["*"],
    },
}


def rule(**changes: Any) -> dict[str, Any]:
    """The rule above; keys of its condition may be given like its own."""
    condition = HIGH_CPU["condition_config"]
    inner = {
        name: value
        for name, value in changes.items()
        if name in {*condition, "filters", "critical_threshold"}
    }
    outer = {name: value for name, value in changes.items() if name not in inner}
    return {**HIGH_CPU, **outer, "condition_config": {**condition, **inner}}


def expected(at: str, *labels: dict[str, str], name: str = "High CPU") -> dict[str, Any]:
    return {"eval_time": at, "alertname": name, "exp_alerts": [{"exp_labels": one} for one in labels]}


def rule_test(series: dict[str, str], *expectations: dict[str, Any], **fields: Any) -> dict[str, Any]:
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    return {"input_series": inputs, "alert_rule_test": list(expectations), **fields}


def written(folder: Path, *tests: dict[str, Any], name: str = "rules.yaml", **fields: Any) -> Path:
    """A file of tests; JSON is YAML."""
    return text_file(folder, json.dumps({"rules": [HIGH_CPU], "tests": list(tests), **fields}), name)


def text_file(folder: Path, text: str, name: str = "rules.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def run(*paths: Path) -> str:
    """What the command prints. Raises SystemExit where it would end with 1."""
    output = StringIO()
    call_command("test_rules", *map(str, paths), stdout=output, stderr=output)
    return output.getvalue()


def failed(*paths: Path) -> str:
    output = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("test_rules", *map(str, paths), stdout=output, stderr=output)
    assert end.value.code == 1
    return output.getvalue()


A, B = {"host": "a"}, {"host": "b"}


@pytest.mark.parametrize(
    ("what", "values", "at", "labels"),
    [
        ("above the threshold", "90", "0", [A]),
        ("below it", "70", "0s", []),
        ("the last evaluation at or before the time", "70 90 70", "1m59s", [A]),
        ("a value lasts over its window", "90", "4m", [A]),
        ("and no longer; the start of a window is outside", "90", "5m", []),
        ("a stale marker ends it at once", "90 stale", "1m", []),
        ("a gap does not", "90 _", "1m", [A]),
    ],
)
def test_an_expectation_sees_the_alerts_that_fire_then(
    tmp_path: Path, what: str, values: str, at: str, labels: list[dict[str, str]]
) -> None:
    quiet = written(
        tmp_path,
        rule_test({'cpu_usage{host="a"}': values}, expected(at, *labels)),
        rules=[rule(no_data="ok")],
    )
    assert "1 expectation met, 0 differ" in run(quiet), what


def test_a_pending_alert_is_not_expected(tmp_path: Path) -> None:
    held = rule(for_seconds=120)
    series = {'cpu_usage{host="a"}': "90x9"}
    path = written(tmp_path, rule_test(series, expected("1m"), expected("2m", A)), rules=[held])
    assert "2 expectations met, 0 differ" in run(path)


def test_evaluations_come_each_interval_of_the_file_whatever_the_rule_says(tmp_path: Path) -> None:
    slow = rule(evaluation_interval_seconds=3600)
    test = rule_test({'cpu_usage{host="a"}': "70 90 70"}, expected("31s", A), interval="30s")
    assert "1 expectation met" in run(written(tmp_path, test, rules=[slow], evaluation_interval="10s"))


def test_alerts_are_compared_as_a_multiset_with_severity_and_alertname_where_given(tmp_path: Path) -> None:
    rules = [rule(critical_threshold=95), rule(threshold=90, severity="error")]
    series = {'cpu_usage{host="a"}': "99", 'cpu_usage{host="b"}': "85"}
    everything = [
        {**A, "severity": "error"},
        {**A, "severity": "critical", "alertname": "High CPU"},
        {**B, "severity": "warning"},
    ]
    met = rule_test(series, expected("0", *everything), expected("0", A, A, B))
    twice = rule_test(series, expected("0", A, B), expected("0", {**A, "severity": "info"}, A, B))
    assert "2 expectations met, 0 differ" in run(written(tmp_path, met, rules=rules))
    assert "0 expectations met, 2 differ" in failed(written(tmp_path, twice, rules=rules))


def test_a_label_named_severity_is_a_label(tmp_path: Path) -> None:
    series = {'cpu_usage{severity="odd"}': "90"}
    test = rule_test(series, expected("0", {"severity": "odd"}))
    assert "1 expectation met" in run(written(tmp_path, test))


def test_flapping_is_damped_only_where_the_rule_asks_for_it(tmp_path: Path) -> None:
    series = {'cpu_usage{host="a"}': "90 0 90 0 90 0 90 0"}
    plain, damped = expected("7m"), expected("7m", A)
    assert "1 expectation met" in run(written(tmp_path, rule_test(series, plain)))
    rules = [rule(flap_detection=True)]
    assert "1 expectation met" in run(written(tmp_path, rule_test(series, damped), rules=rules))


def test_prometheus_labels_fill_the_columns_that_rules_may_name(tmp_path: Path) -> None:
    rules = [rule(group_by=["instance_id"], filters={"service_name": "api"})]
    series = {'cpu_usage{job="api",instance="a:1"}': "90", 'cpu_usage{job="db",instance="b:1"}': "90"}
    test = rule_test(series, expected("0", {"instance_id": "a:1"}))
    assert "1 expectation met" in run(written(tmp_path, test, rules=rules))


def test_a_rule_about_rules_sees_what_they_did_in_the_same_evaluation(tmp_path: Path) -> None:
    condition = {"rules": ["High CPU", 7], "need": "all"}
    both = {"name": "Both", "rule_type": "composite", "source_type": "rule", "condition_config": condition}
    busy = rule(name="Busy", id=7, metric="load")
    series = {"cpu_usage": "90 90 0", "load": "0 90 90"}
    fires = expected("1m", {}, name="Both")
    times = [expected("0", name="Both"), fires, expected("2m", name="Both")]
    path = written(tmp_path, rule_test(series, *times), rules=[both, HIGH_CPU, busy])
    assert "3 expectations met, 0 differ" in run(path)


def test_a_rule_from_the_api_is_taken_with_what_the_api_says_of_it(tmp_path: Path) -> None:
    from_api = rule(
        id=12, health="ok", notification_channels=["ops"], notification_config={"email": ["a@b.c"]}
    )
    test = rule_test({'cpu_usage{host="a"}': "90"}, expected("0", A))
    assert "1 expectation met" in run(written(tmp_path, test, rules=[from_api]))


def test_a_rule_that_cannot_be_evaluated_meets_no_expectation(tmp_path: Path) -> None:
    series = {f'cpu_usage{{host="{number}"}}': "90" for number in range(1001)}
    assert "could not be evaluated: The condition is true for 1001 label sets" in failed(
        written(tmp_path, rule_test(series, expected("0")))
    )


def test_each_expectation_says_what_was_wanted_and_what_came(tmp_path: Path) -> None:
    test = rule_test({'cpu_usage{host="a"}': "90"}, expected("0", A), expected("1m", B), name="busy")
    path = written(tmp_path, test)
    assert failed(path) == (
        f"ok   {path}:1: busy: High CPU at 0\\n"
        '     wanted {host="a"}\\n'
        '     came   {host="a"} with severity warning\\n'
        f"FAIL {path}:1: busy: High CPU at 1m\\n"
        '     wanted {host="b"}\\n'
        '     came   {host="a"} with severity warning\\n'
        "1 file: 1 expectation met, 1 differs\\n"
    ).replace("\\n", "\n")


def test_many_files_run_in_one_go_and_a_broken_one_stops_no_other(tmp_path: Path) -> None:
    good = written(tmp_path, rule_test({}, expected("0")), name="good.yaml")
    broken = text_file(tmp_path, "rules: {", "broken.yaml")
    answer = failed(broken, tmp_path / "missing.yaml", good)
    assert f"ERROR {broken}: line 1" in answer
    assert f"ERROR {tmp_path / 'missing.yaml'}: No such file or directory" in answer
    assert "3 files: 1 expectation met, 0 differ, 2 files not readable" in answer


YAML_RULES = """
rules:
  - name: High CPU
    rule_type: metric_threshold
    source_type: system_metric
    condition_config: {metric: cpu_usage, operator: ">", threshold: 8e1, aggregation: last, group_by: ["*"]}
tests:
"""


def test_plain_yaml_means_what_promtool_takes_it_for(tmp_path: Path) -> None:
    """0x3 is three repeats and not a number in base 16, `on` is text, an empty list of alerts is none."""
    tests = """
  - interval: 1m
    input_series:
      - series: cpu_usage{state="on"}
        values: 90 0x3
    alert_rule_test:
      - {eval_time: 0, alertname: High CPU, exp_alerts: [{exp_labels: {state: on}, exp_annotations: {a: b}}]}
      - eval_time: 3m
        alertname: High CPU
        exp_alerts:
"""
    assert "2 expectations met, 0 differ" in run(text_file(tmp_path, YAML_RULES + tests))


@pytest.mark.parametrize(
    ("tests", "message"),
    [
        ("  - {inputs: []}", "line 8, test 1: Object contains unknown field `inputs`"),
        ("  - {name: n, interval: 5}", "line 8, test 'n', interval: '5' is not a duration"),
        ("  - {name: n, interval: 0s}", "line 8, test 'n', interval: an interval must be longer than 0"),
        ("  - name: n\n    name: m", "line 9: the key 'name' is given twice"),
        (
            "  - name: n\n    input_series:\n      - series: up{a=b}\n        values: 1",
            "line 10, test 'n', input_series 1, series: expected name=\"value\" or a closing brace (column 4)",
        ),
        (
            "  - name: n\n    input_series:\n      - series: up\n        values: 1 y",
            "line 11, test 'n', input_series 1, values: 'y' is not a value",
        ),
        (
            "  - input_series: [{series: up, values: 1}, {series: 'up{}', values: 1}]",
            "line 8, test 1, input_series 2, series: this series is given twice",
        ),
        (
            "  - alert_rule_test: [{eval_time: 1m, alertname: Low CPU}]",
            "line 8, test 1, alert_rule_test 1, alertname: there is no rule 'Low CPU'",
        ),
        (
            "  - alert_rule_test: [{eval_time: 9999y, alertname: High CPU}]",
            "line 8, test 1, alert_rule_test 1, eval_time: a test has at most 1000000 evaluations",
        ),
        (
            "  - alert_rule_test: [{eval_time: 1m}]",
            "line 8, test 1, alert_rule_test 1: Object missing required",
        ),
        ("  - input_series: &a [*a]", "line 8: nested too deeply"),
        ("  - [", "line 9, column 1: expected the node content"),
    ],
)
def test_an_error_says_file_test_and_position(tmp_path: Path, tests: str, message: str) -> None:
    path = text_file(tmp_path, f"{YAML_RULES.strip()}\n\n{tests}\n")
    assert f"ERROR {path}: {message}" in failed(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threshold": "high"}, "condition_config: threshold: "),
        ({"severity": "page"}, "severity: "),
        ({"frequency": 5}, "frequency: Unknown key."),
        ({"rule_type": "promql"}, "rule_type: Must be one of"),
        ({"id": 5}, "id: another rule has the id 5"),
    ],
)
def test_a_rule_is_checked_as_the_api_checks_it(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = written(tmp_path, rules=[rule(id=5, name="first"), rule(name="second", **changes)])
    assert f"ERROR {path}: line 1, rule 'second'" in failed(path)
    assert message in failed(path)


def test_the_command_needs_no_server_and_starts_none(tmp_path: Path) -> None:
    home = tmp_path / "home"
    path = written(tmp_path, rule_test({'cpu_usage{host="a"}': "90"}, expected("0", A), expected("0")))
    answer = manage("test_rules", str(path), TELEMETRY_HOME=str(home))
    assert answer.returncode == 1
    assert "1 expectation met, 1 differs" in answer.stdout
    assert answer.stderr == ""
    assert [file.name for file in home.iterdir()] == ["secret_key"]

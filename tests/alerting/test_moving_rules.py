"""Which of a tick's rules are decided at all, and which times they are marked with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from alerting.evaluation.claim import microseconds_sql
from alerting.evaluation.decide import EvaluatedRule, decide
from alerting.evaluation.judging import may_move, wants_silent
from alerting.rule_types import rule_type
from alerting.rule_types.conditions import Condition
from alerting.sources.samples import Answer, LabelSet
from alerting.state import NoDataPolicy, RuleState, Sample
from storage.rollups.windows import EPOCH

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
KIND = rule_type("metric_threshold")
SOURCE = "system_metric"
LABEL_SETS: list[LabelSet] = [(), (("host_name", "a"),), (("host_name", "b"),)]
samples = st.builds(Sample, st.sampled_from([None, 0.0, 3.0, 7.0]), st.booleans())


@st.composite
def rules(draw: st.DrawFn) -> Condition:
    """A condition that counts, or one that measures."""
    config = {
        "metric": "load",
        "threshold": draw(st.sampled_from([0, 5])),
        "operator": draw(st.sampled_from([">", ">=", "<", "<=", "==", "!="])),
        "aggregation": draw(st.sampled_from(["avg", "count"])),
        "group_by": draw(st.sampled_from([[], ["host_name"]])),
    }
    if config["operator"] in (">", ">="):
        config["critical_threshold"] = draw(st.sampled_from([None, 6, 7]))
    condition: Condition = KIND.parse(config, SOURCE)
    return condition


@given(
    condition=rules(),
    no_data=st.sampled_from(["keep", "ok", "alert"]),
    found=st.dictionaries(st.sampled_from(LABEL_SETS), samples),
    silent=st.frozensets(st.sampled_from(LABEL_SETS)),
)
def test_a_rule_without_alerts_that_is_not_decided_would_have_opened_none(
    condition: Condition, no_data: NoDataPolicy, found: dict[LabelSet, Sample], silent: frozenset[LabelSet]
) -> None:
    wants = wants_silent(KIND, condition, SOURCE, no_data, has_alerts=False)
    answer = Answer(found, silent)
    rule = EvaluatedRule(
        id=1,
        state=RuleState(
            operator=condition.operator,
            threshold=condition.threshold,
            critical_threshold=condition.critical_threshold,
            no_data=no_data,
        ),
        is_grouped=bool(condition.group_by),
        is_zero_without_rows=KIND.is_zero_without_rows(condition, SOURCE),
        is_first_since_edit=False,
        answer=answer,
    )
    if not may_move(condition, no_data, answer, wants_silent=wants):
        assert decide(rule, [], NOW) == []


@pytest.mark.parametrize(
    ("value", "no_data", "has_alerts", "moves"),
    [
        (4.0, "keep", False, False),
        (5.0, "keep", False, False),
        (None, "ok", False, False),
        (6.0, "keep", False, True),
        (None, "alert", False, True),
        (4.0, "keep", True, True),
        (None, "ok", True, True),
    ],
)
def test_only_what_is_past_its_threshold_missing_where_that_matters_or_alerting_may_move(
    value: float | None, no_data: NoDataPolicy, has_alerts: bool, moves: bool
) -> None:
    condition = KIND.parse({"metric": "load", "threshold": 5, "operator": ">"}, SOURCE)
    wants = wants_silent(KIND, condition, SOURCE, no_data, has_alerts=has_alerts)
    answer = Answer({(): Sample(value, False)}, frozenset())
    assert may_move(condition, no_data, answer, wants_silent=wants) is moves


@pytest.mark.django_db
@given(ages=st.lists(st.timedeltas(timedelta(0), timedelta(days=135 * 365)), min_size=1))
def test_a_time_is_counted_to_the_microsecond(ages: list[timedelta]) -> None:
    times = [EPOCH + age for age in ages]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {microseconds_sql('t')} FROM unnest(%s::timestamptz[]) AS t", [times])
        counted = [row[0] for row in cursor.fetchall()]
    assert counted == [age // timedelta(microseconds=1) for age in ages]

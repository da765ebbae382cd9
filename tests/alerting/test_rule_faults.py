"""One rule that can't be evaluated stops no other, whatever is wrong with it; the server's own trouble blames none."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alerting.evaluation import measure
from alerting.evaluation.claim import TOO_SLOW
from alerting.models import Health, Rule
from tests.alerting.scenes import ERROR_RULE, make_rule, send_business, send_events, statuses, tick
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0) - timedelta(minutes=30)
REVENUE: dict[str, Any] = {
    "source_type": "business_metric",
    "operator": ">",
    "threshold": 10,
    "group_by": None,
}


def break_metric(name: str, **instead: str) -> None:
    """Business metrics of this name get other SQL for a column, from a view that hides the table until rollback."""
    columns = "id project_id metric_name metric_category tenant_id metric_unit currency period_type"
    columns += " calculation_method dimensions period_start period_end metric_value"
    chosen = [
        f"CASE WHEN metric_name = '{name}' THEN {instead[one]} ELSE {one} END AS {one}"
        if one in instead
        else one
        for one in columns.split()
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            """CREATE FUNCTION public.fail(code text) RETURNS float8 LANGUAGE plpgsql VOLATILE AS
               $$ BEGIN RAISE EXCEPTION 'no more' USING ERRCODE = code; END $$"""
        )
        cursor.execute(
            f"CREATE TEMP VIEW business_metrics AS SELECT {', '.join(chosen)} FROM public.business_metrics"
        )


def good_and_bad(api: ProjectClient) -> tuple[Rule, Rule]:
    """Two rules of one group, with telemetry that makes the first fire."""
    good, bad = (make_rule(api, **REVENUE, metric=metric, name=metric) for metric in ("revenue", "refunds"))
    send_business(api, 30, NOW)
    send_business(api, 30, NOW, metric_name="refunds")
    return good, bad


@pytest.mark.parametrize(
    ("instead", "reason"),
    [
        ({"metric_value": "fail('54011')"}, "The query failed: no more"),
        ({"metric_value": "fail('53400')"}, "The query failed: no more"),
        ({"metric_value": "fail('XX000')"}, "The query failed: no more"),
        ({"metric_value": "fail('57014')"}, "The query took too long: take a shorter window."),
        ({"dimensions": "'[1]'::jsonb"}, "Internal error: AttributeError"),
    ],
)
def test_only_the_guilty_rule_of_a_group_becomes_unhealthy(
    api: ProjectClient, instead: dict[str, str], reason: str
) -> None:
    good, bad = good_and_bad(api)
    break_metric("refunds", **instead)
    assert tick(NOW).unhealthy_count == 1
    good.refresh_from_db()
    bad.refresh_from_db()
    assert (bad.health, bad.last_error) == (Health.UNHEALTHY, reason)
    assert (good.health, good.last_error) == (Health.OK, "")
    assert statuses(api) == {"": "firing"}


@pytest.mark.parametrize("code", ["08006", "25006", "40001", "53200", "57P01"])
def test_what_the_server_itself_has_blames_no_rule(api: ProjectClient, code: str) -> None:
    good_and_bad(api)
    break_metric("refunds", metric_value=f"fail('{code}')")
    with pytest.raises(DatabaseError, match="no more"):
        tick(NOW)
    assert {rule.health for rule in Rule.objects.filter(project=api.project)} == {Health.UNKNOWN}


@pytest.mark.parametrize(
    "condition",
    [
        "(SELECT jsonb_build_object('threshold', 3, 'group_by', jsonb_agg('tags.t' || n))"
        " FROM generate_series(1, 1700) AS n)",
        "jsonb_build_object('threshold', (repeat('9', 5000))::numeric)",
        "jsonb_build_object('threshold', 3, 'filters', jsonb_build_object('tags.a', (repeat('9', 5000))::numeric))",
        "(repeat('[', 3000) || repeat(']', 3000))::jsonb",
    ],
)
def test_a_stored_condition_that_can_not_be_used_stops_no_other_rule(
    api: ProjectClient, condition: str
) -> None:
    bad = make_rule(api, ERROR_RULE)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE alerting_rule SET condition_config = {condition} WHERE id = %s", [bad.pk])
    make_rule(api, ERROR_RULE)
    send_events(api, 3, NOW)
    assert tick(NOW).unhealthy_count == 1
    assert Rule.objects.defer("condition_config").get(pk=bad.pk).health == Health.UNHEALTHY
    assert statuses(api) == {"": "firing"}


def test_many_rules_over_more_columns_than_a_query_may_have_are_all_evaluated(api: ProjectClient) -> None:
    tags = [f"tags.t{number}" for number in range(1700)]
    for first in range(0, 1700, 50):
        make_rule(api, ERROR_RULE, threshold=1, filters=dict.fromkeys(tags[first : first + 50], "x"))
    send_events(api, 1, NOW, tags={f"t{number}": "x" for number in range(50)})
    assert tick(NOW).unhealthy_count == 0
    assert set(Rule.objects.filter(project=api.project).values_list("health", flat=True)) == {Health.OK}
    assert statuses(api) == {"": "firing"}


def test_a_rule_that_was_too_slow_is_measured_last_and_by_itself(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = good_and_bad(api)
    monkeypatch.setattr(measure, "STATEMENT_TIMEOUT_MS", 400)
    monkeypatch.setattr(measure, "SHORTEST_TIMEOUT_MS", 200)
    break_metric("refunds", metric_value="(pg_sleep(2)::text || '1')::float8")
    tick(NOW)
    bad.refresh_from_db()
    assert bad.last_error == TOO_SLOW
    with CaptureQueriesContext(connection) as queries:
        tick(NOW + timedelta(minutes=1))
    asked = [query["sql"] for query in queries if "FROM business_metrics" in query["sql"]]
    assert ["revenue" in sql for sql in asked] == [True, False]
    good.refresh_from_db()
    assert good.health == Health.OK


def test_a_tick_without_time_says_so_and_the_next_one_goes_on(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_rule(api, **REVENUE, metric="revenue")
    send_business(api, 30, NOW)
    with monkeypatch.context() as busy:
        busy.setattr(measure, "MEASURE_SECONDS", -1.0)
        tick(NOW)
    rule = Rule.objects.get(project=api.project)
    assert (rule.health, rule.last_error) == (Health.UNHEALTHY, measure.NO_TIME)
    tick(NOW + timedelta(minutes=1))
    rule.refresh_from_db()
    assert rule.health == Health.OK
    assert statuses(api) == {"": "firing"}

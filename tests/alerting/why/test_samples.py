"""The raw records behind a change: found by the rule's filters and the alert's labels, kept once, bounded."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from alerting.models import Alert, Transition
from alerting.models.alerts import UNSAMPLED
from alerting.tasks import deliver_due_notifications
from alerting.why import samples
from tests.alerting.scenes import (
    CPU_RULE,
    ERROR_RULE,
    make_rule,
    send_business,
    send_events,
    send_points,
    tick,
)
from tests.clients import ProjectClient, counts

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0) - timedelta(minutes=30)
MINUTE = timedelta(minutes=1)
SPAN_RULE = {
    **CPU_RULE,
    "source_type": "trace",
    "condition_config": {
        "metric": "error_ratio",
        "operator": ">",
        "threshold": 0.4,
        "time_window_minutes": 5,
        "group_by": ["service_name"],
    },
}


def gathered(to_status: str = "firing") -> dict[str, Any]:
    """The samples of the one change to this status, gathered as the task does."""
    samples.gather_due(timezone.now())
    evidence = Transition.objects.get(to_status=to_status).evidence
    assert evidence is not None
    found: dict[str, Any] = evidence["samples"]
    return found


def values(found: dict[str, Any]) -> list[Any]:
    return [record["value"] for record in found["records"]]


def send_spans(api: ProjectClient, service: str, statuses: list[str]) -> None:
    spans = [
        {
            "trace_id": f"{service}-{position}",
            "span_id": f"s{position}",
            "service_name": service,
            "operation_name": "GET /",
            "start_time": (NOW - timedelta(seconds=position)).isoformat(),
            "duration_ms": 10 + position,
            "status": status,
        }
        for position, status in enumerate(statuses)
    ]
    assert counts(api.post("/api/v1/traces", {"spans": spans})) == (len(spans), 0, 0)


def test_points_are_those_of_the_alerts_own_series_in_the_window_newest_first(api: ProjectClient) -> None:
    make_rule(api)
    send_points(api, [10], NOW - 6 * MINUTE, host_name="web-1")
    send_points(api, [88, 96], NOW, host_name="web-1")
    send_points(api, [12, 14], NOW, host_name="web-2")
    tick(NOW)
    found = gathered()
    assert values(found) == [96, 88]
    assert found["records"][0]["at"] == NOW.isoformat()
    assert found["records"][0]["labels"] == {"host_name": "web-1"}
    assert (found["is_cut"], found["note"]) == (False, "")


def test_at_most_twenty_are_kept_and_it_is_said_that_there_were_more(api: ProjectClient) -> None:
    make_rule(api)
    send_points(
        api, [90.0 + position / 100 for position in range(30)], NOW, spacing_seconds=5, host_name="web-1"
    )
    tick(NOW)
    found = gathered()
    assert values(found) == [90.0 + position / 100 for position in range(29, 9, -1)]
    assert found["is_cut"]


def test_a_rule_for_every_series_finds_the_series_by_all_its_labels(api: ProjectClient) -> None:
    make_rule(api, group_by=["*"])
    send_points(api, [96], NOW, host_name="web-1", tags={"core": "0"})
    send_points(api, [12], NOW, host_name="web-1", tags={"core": "1"})
    tick(NOW)
    assert values(gathered()) == [96]


def test_events_have_their_ids_names_and_traces(api: ProjectClient) -> None:
    make_rule(api, ERROR_RULE, group_by=["tenant_id"], filters={"tags.region": "eu"})
    send_events(api, 3, NOW, tenant_id="t1", tags={"region": "eu"}, trace_id="4bf92f")
    send_events(api, 1, NOW, tenant_id="t2", tags={"region": "eu"})
    send_events(api, 1, NOW, tenant_id="t1", tags={"region": "us"})
    send_events(api, 1, NOW, tenant_id="t1", tags={"region": "eu"}, event_type="info")
    tick(NOW)
    found = gathered()
    assert [(one["event_name"], one["event_type"], one["trace_id"]) for one in found["records"]] == [
        ("failed", "error_event", "4bf92f")
    ] * 3
    assert len({one["id"] for one in found["records"]}) == 3


def test_an_event_without_the_label_belongs_to_the_alert_without_it(api: ProjectClient) -> None:
    make_rule(api, ERROR_RULE, group_by=["tenant_id"])
    send_events(api, 3, NOW)
    send_events(api, 2, NOW, tenant_id="t1")
    tick(NOW)
    assert len(gathered()["records"]) == 3


def test_an_error_ratio_shows_the_spans_that_failed(api: ProjectClient) -> None:
    make_rule(api, SPAN_RULE)
    send_spans(api, "api", ["error", "ok", "error"])
    send_spans(api, "web", ["ok", "ok"])
    tick(NOW)
    assert [(one["trace_id"], one["duration_ms"], one["status"]) for one in gathered()["records"]] == [
        ("api-0", 10, "error"),
        ("api-2", 12, "error"),
    ]


def test_periods_of_business_metrics_are_found_by_their_dimensions(api: ProjectClient) -> None:
    make_rule(
        api,
        source_type="business_metric",
        metric="revenue",
        operator="<",
        threshold=100,
        aggregation="last",
        group_by=["plan"],
    )
    send_business(api, 50, NOW, dimensions={"plan": "pro"})
    send_business(api, 500, NOW, dimensions={"plan": "free"})
    tick(NOW)
    found = gathered()
    assert values(found) == [50]
    assert found["records"][0]["labels"] == {"plan": "pro"}


def test_what_was_gathered_outlives_the_raw_data_and_is_never_gathered_again(api: ProjectClient) -> None:
    make_rule(api)
    send_points(api, [96], NOW, host_name="web-1")
    tick(NOW)
    before = gathered()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM metric_points WHERE project_id = %s", [api.project.pk])
    assert samples.gather_due(timezone.now()) == 0
    assert gathered() == before
    assert values(before) == [96]


def test_where_raw_data_went_first_it_says_so(api: ProjectClient) -> None:
    make_rule(api)
    send_points(api, [96], NOW, host_name="web-1")
    tick(NOW)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM metric_points WHERE project_id = %s", [api.project.pk])
    found = gathered()
    assert (found["records"], found["note"]) == ([], samples.NO_RECORDS)


def test_each_change_has_the_records_of_its_own_window(api: ProjectClient) -> None:
    make_rule(api)
    send_points(api, [96], NOW, host_name="web-1")
    tick(NOW)
    send_points(api, [20], NOW + 6 * MINUTE, host_name="web-1")
    tick(NOW + 6 * MINUTE)
    assert values(gathered()) == [96]
    assert values(gathered("resolved")) == [20]


def test_a_late_window_is_read_where_the_rule_looked(api: ProjectClient) -> None:
    make_rule(api, evaluation_delay_seconds=600)
    send_points(api, [96], NOW - 10 * MINUTE, host_name="web-1")
    send_points(api, [11], NOW, host_name="web-1")
    tick(NOW)
    assert values(gathered()) == [96]


def test_an_alert_about_a_rule_that_cannot_be_evaluated_has_no_records(api: ProjectClient) -> None:
    rule = make_rule(api, on_error="alert")
    rule.condition_config = {"metric": 5}
    rule.save(update_fields=["condition_config"])
    tick(NOW)
    assert Alert.objects.get().labels == {"rule_health": "unhealthy"}
    found = gathered()
    assert (found["records"], found["note"]) == ([], samples.RULE_BROKEN)


def test_a_condition_that_no_version_reads_holds_up_nobody(api: ProjectClient) -> None:
    make_rule(api)
    send_points(api, [96], NOW, host_name="web-1")
    send_points(api, [97], NOW, host_name="web-2")
    tick(NOW)
    first = Transition.objects.order_by("pk")[0]
    assert first.evidence is not None
    first.evidence["rule_type"] = "of_a_later_version"
    first.save(update_fields=["evidence"])
    assert samples.gather_due(timezone.now()) == 2
    notes = [one.evidence["samples"]["note"] for one in Transition.objects.order_by("pk") if one.evidence]
    assert notes == [samples.UNREADABLE, ""]


def test_the_newest_change_comes_first_when_there_is_no_time_for_all(api: ProjectClient) -> None:
    make_rule(api)
    for minute, value in ((0, 96), (6, 20)):
        send_points(api, [value], NOW + minute * MINUTE, host_name="web-1")
        tick(NOW + minute * MINUTE)
    assert samples.gather_due(timezone.now(), seconds=0) == 1
    assert Transition.objects.get(evidence__has_key="samples").to_status == "resolved"


def test_what_lacks_samples_is_found_by_the_small_index() -> None:
    waiting = Transition.objects.filter(UNSAMPLED).order_by("-at")[:50]
    with connection.cursor() as cursor:
        # Few rows are cheaper read in any order and sorted, on servers that take random reads for dear.
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
    plan = waiting.explain()
    assert "transition_unsampled" in plan
    assert "Sort" not in plan


def test_the_delivery_task_gathers_what_a_tick_has_changed(api: ProjectClient) -> None:
    make_rule(api)
    send_points(api, [96], NOW, host_name="web-1")
    tick(NOW)
    deliver_due_notifications()
    assert Transition.objects.filter(alert__project=api.project, evidence__has_key="samples").exists()


def test_a_composite_rule_shows_the_alerts_of_its_members(api: ProjectClient) -> None:
    member = make_rule(api, name="High CPU")
    config = {"rules": ["High CPU"], "need": "any"}
    rule = {"name": "Any", "rule_type": "composite", "source_type": "rule", "condition_config": config}
    assert api.post("/api/v1/alert-rules/", rule).status_code == 201
    send_points(api, [96], NOW, host_name="web-1")
    tick(NOW)
    tick(NOW + MINUTE)
    samples.gather_due(timezone.now())
    evidence = Transition.objects.get(alert__rule_name="Any").evidence
    assert evidence is not None
    found = evidence["samples"]
    alert = Alert.objects.get(rule=member)
    expected = {"id": str(alert.pk), "status": "firing", "labels": {"host_name": "web-1"}}
    assert found["members"] == [{"rule": member.pk, "rule_name": "High CPU", "alerts": [expected]}]
    assert (found["records"], found["note"]) == ([], "")


def test_a_ratio_shows_what_it_divides(api: ProjectClient) -> None:
    config = {
        "numerator": {"event_name": "failed"},
        "operator": ">",
        "threshold": 0.4,
        "time_window_minutes": 5,
    }
    make_rule(api, {**ERROR_RULE, "rule_type": "ratio", "condition_config": config})
    send_events(api, 2, NOW)
    send_events(api, 1, NOW, event_name="paid")
    tick(NOW)
    assert [one["event_name"] for one in gathered()["records"]] == ["failed", "failed"]

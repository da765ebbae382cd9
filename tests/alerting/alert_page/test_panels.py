"""The parts of an alert's page: whom it concerns, examples, how it was before, and what can be done there."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from alerting.models import Alert, Silence
from projects.models import Project
from projects.pages.page import STOP_POLLING
from tests.admin import member_client
from tests.alerting.alert_page.pages import MINUTE, NOW, panel, url
from tests.alerting.delivery_rows import make_notification
from tests.alerting.inbox.scene import alert, person, silence
from tests.alerting.scenes import ERROR_RULE, edit, make_rule, send_events, send_points, tick
from tests.alerting.test_alerts_page import text_of
from tests.clients import ProjectClient, counts

pytestmark = pytest.mark.django_db

SPAN_RULE = {
    "name": "Slow checkout",
    "rule_type": "metric_threshold",
    "source_type": "trace",
    "condition_config": {
        "metric": "duration_ms",
        "operator": ">",
        "threshold": 500,
        "aggregation": "p95",
        "filters": {"service_name": "api"},
    },
}


def send_spans(api: ProjectClient, *spans: dict[str, Any]) -> None:
    given = [
        {
            "trace_id": f"{number:032x}", "span_id": f"{number:016x}", "service_name": "api",
            "operation_name": "POST /pay", "start_time": (NOW - 10 * timedelta(seconds=number)).isoformat(),
            "duration_ms": 900, **span,
        }
        for number, span in enumerate(spans, start=1)
    ]  # fmt: skip
    assert counts(api.post("/api/v1/traces", {"spans": given})) == (len(given), 0, 0)


def test_the_impact_counts_users_and_says_what_they_have_in_common(admin: Client, api: ProjectClient) -> None:
    make_rule(api, ERROR_RULE)
    for number in range(4):
        tenant = "t12" if number else "t1"
        send_events(api, 2, NOW, user_id=f"u{number}", tenant_id=tenant, tags={"release": "1.42"})
    tick(NOW)
    page = panel(admin, "impact")
    text = text_of(page)
    assert "4 users 2 tenants 8 events In its first hour." in text
    assert "tags.release 1.42 100 %" in text
    assert "tenant_id t12 75 %" in text
    assert "event_type" not in text
    assert "tenant_id=t12" in page
    assert "event_type=error_event" in page


def test_what_stands_out_is_written_as_filters_compare_it(admin: Client, api: ProjectClient) -> None:
    make_rule(api, ERROR_RULE)
    send_events(api, 4, NOW, tags={"beta": True, "build": 7.0, "nested": {"a": 1}})
    tick(NOW)
    page = panel(admin, "impact")
    assert "tags.beta=true" in page
    assert "tags.build=7&" in page.replace('"', "&")
    assert "nested" not in page


def test_a_rule_over_metrics_says_that_it_knows_no_users(admin: Client, api: ProjectClient) -> None:
    make_rule(api)
    send_points(api, [90], NOW, host_name="web-1")
    tick(NOW)
    assert "it doesn't know of users" in panel(admin, "impact")


def test_examples_are_the_events_that_count_each_with_its_trace(admin: Client, api: ProjectClient) -> None:
    make_rule(api, ERROR_RULE)
    send_events(api, 7, NOW, event_name="timeout", user_id="u1", trace_id="ab" * 16)
    send_events(api, 3, NOW, event_type="page_view", event_name="other")
    tick(NOW)
    page = panel(admin, "examples")
    assert page.count("timeout") == 5
    assert "other" not in page
    assert f'href="/admin/explore/traces/{"ab" * 16}/?' in page


def test_traces_of_a_rule_over_events_are_those_of_its_events(admin: Client, api: ProjectClient) -> None:
    make_rule(api, ERROR_RULE)
    send_spans(api, {"trace_id": "ab" * 16, "duration_ms": 42}, {"status": "error", "duration_ms": 9000})
    send_events(api, 3, NOW, trace_id="ab" * 16)
    tick(NOW)
    text = text_of(panel(admin, "examples"))
    assert "Traces: of these events ababab api POST /pay 42 ms" in re.sub(" more", "", text)
    assert "9 s" not in text


def test_examples_of_a_rule_over_spans_are_its_worst_traces(admin: Client, api: ProjectClient) -> None:
    make_rule(api, SPAN_RULE, name="Slow checkout")
    send_spans(
        api, {"duration_ms": 800}, {"duration_ms": 1900}, {"status": "error", "http_status_code": 500},
        {"service_name": "worker", "duration_ms": 9000}, {"duration_ms": 700, "user_id": "u1"},
    )  # fmt: skip
    tick(NOW)
    text = text_of(panel(admin, "examples"))
    assert re.findall(r"POST /pay ([\d.]+ m?s)", text) == ["900 ms", "1.9 s", "800 ms", "700 ms"]
    assert "900 ms 500" in text
    assert "1 user 4 spans" in text_of(panel(admin, "impact"))


def test_examples_of_a_metric_are_what_went_wrong_in_its_service(admin: Client, api: ProjectClient) -> None:
    make_rule(api, group_by=["service_name"])
    send_points(api, [90], NOW, service_name="api")
    send_spans(api, {"duration_ms": 800}, {"service_name": "worker", "status": "error"})
    send_events(api, 1, NOW, severity="error", source="api", event_name="timeout")
    send_events(api, 1, NOW, severity="error", source="worker", event_name="stuck")
    tick(NOW)
    text = text_of(panel(admin, "examples"))
    assert "worst of api" in text
    assert "800 ms" in text
    assert "timeout" in text
    assert "worker" not in text
    assert "stuck" not in text


def test_it_says_how_often_the_rule_fired_before(admin: Client, project: Project) -> None:
    now = alert(project, "Disk", 30)
    for minutes, lasted, by in ((600, 5, "ana"), (2000, 9, ""), (9000, 20, "bob"), (20_000, 1, "")):
        earlier = alert(project, "Disk", minutes, status="resolved", acknowledged_by=by)
        began = earlier.triggered_at
        assert began
        Alert.objects.filter(pk=earlier.pk).update(
            rule=now.rule, fingerprint=now.fingerprint, resolved_at=began + lasted * MINUTE,
            acknowledged_at=began if by else None,
        )  # fmt: skip
    text = text_of(admin.get(f"{url(now)}?panel=before").content.decode())
    assert "3 times in 7 days, median 9 min, acknowledged 2." in text
    assert "by ana" in text


def test_the_first_time_is_the_first_time(admin: Client, project: Project) -> None:
    alert(project, "Disk")
    assert "It did not fire in the 7 days before." in panel(admin, "before")


def test_the_runbook_is_a_link_on_the_page(admin: Client, api: ProjectClient) -> None:
    rule = make_rule(api)
    send_points(api, [90], NOW, host_name="web-1")
    tick(NOW)
    page = url(Alert.objects.get())
    assert "Runbook" not in admin.get(page).content.decode()
    edit(api, rule, runbook_url="https://wiki.example.org/cpu?a=1&b=2")
    assert 'href="https://wiki.example.org/cpu?a=1&amp;b=2"' in admin.get(page).content.decode()
    answer = api.patch(f"/api/v1/alert-rules/{rule.pk}/", {"runbook_url": "javascript:alert(1)"})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["runbook_url"])


def test_it_says_whether_it_is_silenced_and_lets_one_end_that(admin: Client, project: Project) -> None:
    one = alert(project, "Disk")
    assert "silenced? no · inhibited? no" in text_of(panel(admin, "now"))
    made = silence(project, 'host_name="web-1"')
    assert "silenced? yes · inhibited? no" in text_of(panel(admin, "now"))
    guest = person(project, "guest", "change_alert")
    end = f"/admin/alerting/alert/{one.pk}/unsilence/"
    assert guest.post(end, {"silence": made.pk}).status_code == 403
    assert "End it" not in panel(guest, "now")
    assert "End it" in panel(admin, "now")
    admin.post(end, {"silence": made.pk})
    assert Silence.objects.get().ends_at <= timezone.now()
    assert "silenced? no" in text_of(panel(admin, "now"))
    for odd in ("", "x", "9" * 30):
        assert admin.post(end, {"silence": odd}).status_code == 302


def test_a_refresh_brings_state_buttons_and_timeline_until_all_is_over(
    admin: Client, project: Project
) -> None:
    one = alert(project, "Disk")
    shown = panel(admin, "now")
    for part in (
        "What is wrong",
        'id="alert-actions"',
        'id="panel-timeline"',
        ">Acknowledge<",
        "Resolve now",
    ):
        assert part in shown
    page = admin.get(url(one)).content.decode()
    assert page.count("panel=now") == 1
    assert "panel=timeline" not in page
    Alert.objects.filter(pk=one.pk).update(status="resolved", resolved_at=timezone.now())
    assert ">Acknowledge<" not in panel(admin, "now")
    Alert.objects.filter(pk=one.pk).update(resolved_at=timezone.now() - 11 * MINUTE)
    assert admin.get(f"{url(one)}?panel=now").status_code == STOP_POLLING
    make_notification(one, None)
    assert "What was wrong" in panel(admin, "now")


def test_it_is_silenced_from_its_menu(admin: Client, project: Project) -> None:
    one = alert(project, "Disk", labels={"host_name": "web-1"})
    path = f"/admin/alerting/alert/{one.pk}/silence/"
    admin.post(path, {"lasts": "30", "comment": "deploy"})
    made = Silence.objects.get()
    assert (made.matchers, made.comment) == (['rule="Disk"', 'host_name="web-1"'], "deploy")
    assert admin.post(path, {"lasts": "ever"}, follow=True).status_code == 200
    assert Silence.objects.count() == 1
    assert person(project, "guest", "change_alert").post(path, {"lasts": "30"}).status_code == 403


def test_times_are_those_of_the_reader(admin: Client, api: ProjectClient) -> None:
    make_rule(api)
    send_points(api, [90], NOW, host_name="web-1")
    tick(NOW)
    admin.cookies["timezone"] = "Asia/Kolkata"
    page = admin.get(url(Alert.objects.get())).content.decode()
    there = NOW + timedelta(hours=5, minutes=30)
    assert f"Since {there:%Y-%m-%d %H:%M:%S}" in text_of(page)
    assert "UTC" not in page


def test_only_those_who_see_the_project_see_the_page(project: Project, other_project: Project) -> None:
    one = alert(project, "Disk")
    assert member_client(other_project, "alerting.alert").get(url(one)).status_code == 404
    assert member_client(project).get(url(one)).status_code == 403
    seeing = member_client(project, "alerting.alert")
    assert seeing.get(url(one)).status_code == 200
    assert seeing.get("/admin/alerting/alert/nonsense/change/").status_code == 404


def test_who_may_not_see_events_is_not_shown_those_behind_an_alert(api: ProjectClient) -> None:
    make_rule(api, ERROR_RULE)
    send_events(api, 4, NOW, user_id="ana", event_name="timeout")
    tick(NOW)
    page = url(Alert.objects.get())
    told, allowed = (
        member_client(api.project, *models)
        for models in (["alerting.alert"], ["alerting.alert", "events.event"])
    )
    for name in ("impact", "examples"):
        assert "may not look at" in told.get(f"{page}?panel={name}").content.decode()
    assert "timeout" in allowed.get(f"{page}?panel=examples").content.decode()
    assert "1 user " in text_of(allowed.get(f"{page}?panel=impact").content.decode())


def test_the_page_takes_few_queries(
    admin: Client, api: ProjectClient, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    make_rule(api, ERROR_RULE)
    send_events(api, 4, NOW)
    tick(NOW)
    page = url(Alert.objects.get())
    admin.get(page)
    # A dozen, and three that begin, bound and end their transaction.
    with django_assert_max_num_queries(15):
        admin.get(page)
    for name in ("now", "impact", "examples", "before", "assignees"):
        with django_assert_max_num_queries(14):
            admin.get(f"{page}?panel={name}")

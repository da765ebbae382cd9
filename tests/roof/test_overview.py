"""The admin's first page as people of a project see it, and the decisions behind its numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from alerting import actions
from alerting.models import Alert, Health, NotificationChannel, Rule, Silence, Status
from ingest.sources import gathering
from projects.models import Project
from projects.pages.time_range import TimeRange
from telemetry_platform import leases
from telemetry_platform.beat import LEASE as BEAT_LEASE
from telemetry_platform.overview import hosts, needs
from telemetry_platform.overview.arriving import read as read_arriving
from telemetry_platform.worker_lease import LEASE as WORKER_LEASE
from tests.admin import member_client, superuser_client
from tests.alerting.delivery_rows import change_status, make_alert
from tests.alerting.scenes import send_events, send_points
from tests.clients import ProjectClient, client_of, counts
from tests.conftest import make_project
from tests.traces.made_spans import send_spans

pytestmark = pytest.mark.django_db

PANELS = ("numbers", "services", "alerts", "alerting", "platform", "happened", "arrival")


def whole(client: Client, **parameters: Any) -> str:
    answer = client.get(reverse("admin:index"), parameters)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def panel(client: Client, name: str, project: Project, **parameters: Any) -> str:
    return whole(client, panel=name, project=project.pk, **parameters)


@contextmanager
def at_most(count: int) -> Iterator[None]:
    with CaptureQueriesContext(connection) as asked:
        yield
    statements = [one["sql"] for one in asked.captured_queries if "SAVEPOINT" not in one["sql"]]
    assert len(statements) <= count, "\n".join(statements)


def test_an_empty_project_is_told_how_to_begin_until_something_arrives(
    admin_client: Client, project: Project, api: ProjectClient
) -> None:
    page = whole(admin_client, project=project.pk)
    assert "Send a first event" in page
    assert '"event_name": "hello"' in page
    assert "This page looks every 5 s" in panel(admin_client, "arrival", project)
    send_events(api, 1, timezone.now())
    assert "Telemetry arrives" in panel(admin_client, "arrival", project)
    assert "Send a first event" not in whole(admin_client, project=project.pk)


def test_each_number_says_what_it_was_before_and_leads_to_its_explanation(
    admin_client: Client, project: Project, api: ProjectClient
) -> None:
    now = timezone.now()
    send_spans(api, 10, now - timedelta(minutes=75), duration_ms=100)
    send_spans(api, 6, now, duration_ms=50)
    send_spans(api, 2, now - timedelta(minutes=5), duration_ms=50, status="error")
    gathering.flush()
    shown = panel(admin_client, "numbers", project)
    assert "25 <small>%</small>" in shown
    assert "+25 points" in shown
    assert "0 % in the period before" in shown
    assert f"{reverse('explore_traces')}?project={project.pk}&range=1h&status=error" in shown
    assert "-50 %" in shown
    # 18 in the hour, and in the minute that it began with.
    assert re.search(r"spans 1[78][.\d]*/h", shown)
    assert f"{reverse('inbox')}?project={project.pk}&range=1h" in shown
    assert f"{reverse('sources')}?project={project.pk}&range=1h" in shown


def test_a_project_without_spans_counts_its_events(
    admin_client: Client, project: Project, api: ProjectClient
) -> None:
    send_events(api, 1, timezone.now())
    send_events(api, 3, timezone.now(), event_type="", event_name="signup")
    shown = panel(admin_client, "numbers", project)
    assert "25 <small>%</small>" in shown
    assert "of all events" in shown
    assert reverse("explore_events") in shown


def test_a_service_says_in_a_word_how_it_is(
    admin_client: Client, project: Project, api: ProjectClient
) -> None:
    now = timezone.now()
    send_spans(api, 3, now, service_name="<b>pay</b>", status="error")
    send_spans(api, 3, now, service_name="web", operation_name="other")
    send_spans(api, 3, now - timedelta(minutes=80), service_name="batch")
    asked = {"panel": "services", "project": str(project.pk)}
    answer = admin_client.get(reverse("admin:index"), asked)
    shown = answer.content.decode()
    assert "&lt;b&gt;pay" in shown
    words = [line.split("<")[0] for line in shown.split('<span class="state-word ')[1:]]
    assert [word.partition(">")[2] for word in words] == ["failing", "silent", "ok"]
    assert "service_name=web" in shown


def test_hosts_say_when_not_all_series_were_looked_at(
    admin_client: Client, project: Project, api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        send_points(api, [10], timezone.now(), host_name=f"web-{number}")
    assert "newest" not in panel(admin_client, "numbers", project)
    monkeypatch.setattr(hosts, "MOST_SERIES", 2)
    shown = panel(admin_client, "numbers", project)
    assert "of 2 fine" in shown
    assert "; of the newest 2 series" in shown


def test_hosts_say_what_they_lack(admin_client: Client, project: Project, api: ProjectClient) -> None:
    now = timezone.now()
    send_points(api, [20], now, host_name="web-1")
    send_points(api, [97], now, host_name="web-2", metric_name="disk_usage")
    send_points(api, [30], now - timedelta(minutes=20), host_name="web-3")
    shown = panel(admin_client, "numbers", project)
    assert "of 3 fine" in shown
    assert "web-2: disk 97 %, web-3: last heard of 20 min ago" in shown
    assert "metric_name=disk_usage&group_by=host_name" in shown


def test_alerts_that_nobody_has_taken_come_first_the_worst_of_them_on_top(
    admin_client: Client, project: Project, other_project: Project
) -> None:
    taken = make_alert(project, labels={"host": "taken"}, status=Status.ACKNOWLEDGED)
    make_alert(project, labels={"host": "hushed"})
    make_alert(project, labels={"host": "waiting"}, status=Status.PENDING)
    mild = make_alert(project, labels={"host": "<mild>"})
    Alert.objects.filter(pk=mild.pk).update(severity="warning")
    make_alert(other_project, labels={"host": "burning"}, triggered_at=timezone.now() - timedelta(minutes=12))
    now = timezone.now()
    silence = {"starts_at": now, "ends_at": now + timedelta(hours=1), "author": "ada", "comment": "upgrade"}
    Silence.objects.create(project=project, matchers=["host=hushed"], **silence)
    shown = panel(admin_client, "alerts", project)
    assert shown.index("host=burning in bank") < shown.index("host=<mild>")
    assert "6 >= 5" in shown
    assert "12 min ago" in shown
    assert "unowned" in shown
    assert all(word not in shown for word in ("host=taken", "host=hushed", "host=waiting"))
    left_out = re.findall(r"state=(\w+)[^>]*>(\d+ \w+)</a>", shown)
    assert left_out == [(word, f"1 {word}") for word in ("acknowledged", "silenced", "pending")]
    tile = panel(admin_client, "numbers", project)
    assert "2 error, 1 warning, 1 acknowledged, 1 pending, 1 firing in other projects" in tile
    assert reverse("admin:alerting_alert_change", args=[taken.pk]) not in shown


def test_who_acknowledges_comes_back_to_the_overview(admin_client: Client, project: Project) -> None:
    alert = make_alert(project)
    assert "Acknowledge" in panel(admin_client, "alerts", project)
    here = f"http://testserver{reverse('admin:index')}?project={project.pk}"
    acknowledge = reverse("admin:alerting_alert_acknowledge", args=[alert.pk])
    assert admin_client.post(acknowledge, HTTP_REFERER=here).headers["Location"] == here
    assert "No alert needs you now" in panel(admin_client, "alerts", project)
    member = member_client(project, "alerting.alert")
    make_alert(project)
    assert "Acknowledge</button>" not in panel(member, "alerts", project)


def test_what_does_not_work_is_named_with_its_reason_and_a_way_to_mend_it(
    admin_client: Client, project: Project
) -> None:
    assert "every channel works" in panel(admin_client, "alerting", project)
    channel = NotificationChannel.objects.create(
        project=project, name="ops", kind="slack", broken_at=timezone.now(), broken_reason="404 <no_service>"
    )
    rule = make_alert(project).rule
    Rule.objects.filter(pk=rule.pk).update(health=Health.UNHEALTHY, last_error="no such column")
    shown = panel(admin_client, "alerting", project)
    assert 'Channel "ops"' in shown
    assert "404 <no_service>" in shown
    assert reverse("admin:alerting_notificationchannel_change", args=[channel.pk]) in shown
    assert 'Rule "High Error Rate"' in shown
    assert "no such column" in shown


def test_superusers_hear_of_the_platform_itself(project: Project) -> None:
    client = superuser_client()
    assert "No worker runs" in panel(client, "platform", project)
    for lease in (WORKER_LEASE, BEAT_LEASE):
        leases.take(lease, "test", seconds=60)
    shown = panel(client, "platform", project)
    assert "No worker runs" not in shown
    assert "No scheduler runs" not in shown
    assert "runs" not in panel(member_client(project), "platform", project)


def test_what_happened_tells_who_did_what_in_the_readers_zone(
    admin_client: Client, project: Project, api: ProjectClient
) -> None:
    now = timezone.now()
    deploy = {
        "event_name": "deploy",
        "tags": {"service": "web", "version": "1.42"},
        "timestamp": now.isoformat(),
    }
    assert counts(api.post("/api/v1/events", {"events": [deploy]})) == (1, 0, 0)
    alert = make_alert(project, rule_name="<i>Checkout</i>")
    actions.acknowledge(alert.pk, actor="ana", note="on it", now=now)
    change_status(Alert.objects.get(pk=alert.pk), Status.RESOLVED, now + timedelta(seconds=-5))
    admin_client.cookies["timezone"] = "Asia/Tokyo"
    asked = {"panel": "happened", "project": str(project.pk)}
    answer = admin_client.get(reverse("admin:index"), asked)
    shown = answer.content.decode()
    assert "deploy web 1.42" in shown
    assert "&lt;i&gt;Checkout&lt;/i&gt; was acknowledged</b></a> by ana" in shown
    assert "on it" in shown
    assert "&lt;/i&gt; resolved</b></a> <span" in shown
    assert f"{now.astimezone(UTC) + timedelta(hours=9):%Y-%m-%d %H:%M}" in shown
    assert "UTC" not in shown
    nothing = panel(admin_client, "happened", project, start="2020-01-01", end="2020-01-02")
    assert "Nothing in this time" in nothing


def test_members_see_their_projects_and_nobody_elses(
    client: Client, project: Project, other_project: Project
) -> None:
    member = User.objects.create_user("mallory", password="x", is_staff=True)
    client.force_login(member)
    assert "You belong to no project yet" in whole(client)
    assert client.get(reverse("admin:index"), {"panel": "alerts"}).status_code == 404
    project.members.add(member)
    codenames = ("view_alert", "view_rule", "view_notificationchannel", "view_span", "view_event")
    member.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    make_alert(other_project, labels={"host": "secret"})
    NotificationChannel.objects.create(
        project=other_project, name="slack-of-bank", kind="slack", broken_at=timezone.now()
    )
    assert all("secret" not in panel(client, name, project) for name in PANELS)
    assert "slack-of-bank" not in panel(client, "alerting", project)
    assert client.get(reverse("admin:index"), {"project": other_project.pk}).status_code == 404


@pytest.mark.parametrize(
    ("model", "panels", "tiles"),
    [
        ("alerting.alert", {"numbers", "alerts", "happened"}, ["alerts"]),
        ("alerting.rule", {"alerting"}, []),
        ("traces.span", {"numbers", "services"}, ["errors", "p95"]),
        ("events.event", {"numbers", "happened"}, ["errors", "p95"]),
        ("ingest.sourceminute", {"numbers"}, ["ingest"]),
        ("metrics.metricseries", {"numbers"}, ["hosts"]),
        ("projects.project", set(), []),
    ],
)
def test_nobody_reads_here_what_they_may_not_open(
    project: Project, api: ProjectClient, model: str, panels: set[str], tiles: list[str]
) -> None:
    now = timezone.now()
    send_spans(api, 1, now, service_name="pay")
    send_events(api, 1, now, event_name="deploy", event_type="")
    actions.acknowledge(make_alert(project).pk, actor="ana", now=now)
    member = member_client(project, model)
    page = whole(member, project=project.pk)
    assert set(re.findall(r'id="panel-(\w+)"', page)) == panels
    assert ("You may not look at telemetry or alerts yet" in page) == (not panels)
    for name in ("numbers", "services", "alerts", "alerting", "happened"):
        answer = member.get(reverse("admin:index"), {"panel": name, "project": project.pk})
        assert answer.status_code == (200 if name in panels else 403), name
    if "numbers" in panels:
        assert re.findall(r'id="tile-(\w+)"', panel(member, "numbers", project)) == tiles
    if "happened" in panels:
        shown = panel(member, "happened", project)
        assert ("was acknowledged" in shown, "deploy" in shown.lower()) == (
            model == "alerting.alert",
            model == "events.event",
        )


def test_broken_channels_are_named_to_those_who_may_see_channels(project: Project) -> None:
    NotificationChannel.objects.create(
        project=project, name="ops", kind="slack", broken_at=timezone.now(), broken_reason="404"
    )
    seeing = member_client(project, "alerting.rule", "alerting.notificationchannel")
    assert 'Channel "ops"' in panel(seeing, "alerting", project)
    assert '"ops"' not in panel(member_client(project, "alerting.rule"), "alerting", project)


def test_where_more_fires_than_is_looked_at_the_worst_stay(
    admin_client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    old = make_alert(project, labels={"host": "burning"}, pending_since=now - timedelta(days=2))
    Alert.objects.filter(pk=old.pk).update(severity="critical")
    for number in range(2):
        make_alert(project, labels={"host": f"mild-{number}"})
    assert "are looked at" not in panel(admin_client, "alerts", project)
    monkeypatch.setattr(needs, "LOOKED_AT", 2)
    shown = panel(admin_client, "alerts", project)
    assert "host=burning" in shown
    assert "the worst 2 are looked at" in shown


def test_names_stay_as_people_write_them(admin_client: Client, project: Project) -> None:
    User.objects.create_superuser("AnaMaria")
    actions.assign(make_alert(project).pk, actor="bob", now=timezone.now(), assignee_username="AnaMaria")
    assert "assigned to AnaMaria" in panel(admin_client, "happened", project)


@pytest.mark.parametrize("name", ["numbers", "services", "alerts", "alerting", "platform", "happened"])
def test_panels_ask_a_dozen_questions_at_most_however_much_there_is(name: str) -> None:
    projects = [make_project(f"team{number}") for number in range(3)]
    client = superuser_client()
    panel(client, name, projects[0])
    for project in projects:
        for number in range(3):
            make_alert(project, labels={"host": str(number)})
    api = client_of(projects[0])
    for host in range(5):
        send_points(api, [50], timezone.now(), host_name=f"web-{host}")
    with at_most(12):
        panel(client, name, projects[0])


def test_the_page_itself_asks_little(admin_client: Client, project: Project, api: ProjectClient) -> None:
    send_events(api, 1, timezone.now())
    whole(admin_client, project=project.pk)
    with at_most(8):
        page = whole(admin_client, project=project.pk)
    assert "every 10s" in page


@pytest.mark.parametrize(
    "query", [{"range": "90d"}, {"start": "2020-01-01", "end": "2020-01-02"}, {"range": "x"}]
)
def test_every_panel_answers_any_range(admin_client: Client, project: Project, query: dict[str, str]) -> None:
    assert all(panel(admin_client, name, project, **query) is not None for name in PANELS)


def test_ingest_is_counted_for_a_day_and_not_before(project: Project) -> None:
    now = timezone.now()
    assert read_arriving(project.pk, TimeRange.of_preset("1h", now), now) is not None
    assert "last 24 h" not in panel(superuser_client(), "numbers", project, range="24h")
    assert "in the last 24 h: " in panel(superuser_client(), "numbers", project, range="7d")
    long_ago = TimeRange(now - timedelta(days=9), now - timedelta(days=8))
    assert read_arriving(project.pk, long_ago, now) is None


def test_what_people_did_is_found_a_day_back_among_whatever_the_rules_did(
    admin_client: Client, project: Project
) -> None:
    now = timezone.now()
    alert = make_alert(project, rule_name="Checkout")
    actions.acknowledge(alert.pk, actor="ana", now=now - timedelta(hours=20))
    for minutes in range(20):
        change_status(alert, Status.FIRING, now - timedelta(minutes=minutes))
    assert "by ana" not in panel(admin_client, "happened", project)
    shown = panel(admin_client, "happened", project, happened="people")
    assert "Checkout was acknowledged</b></a> by ana" in shown
    assert "fired" not in shown
    assert "Nobody did anything" in panel(admin_client, "happened", make_project("idle"), happened="people")

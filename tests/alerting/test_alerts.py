"""What people do with alerts, by API and in the admin, and who is told."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from alerting.models import Notification, NotificationStatus, Rule, Status
from projects.models import Project
from tests.alerting.scenes import alerts, edit, make_rule, send_points, statuses, tick, timeline
from tests.clients import ProjectClient, client_of

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0) - timedelta(minutes=30)
MINUTE = timedelta(minutes=1)
LIST = "/admin/alerting/alert/"


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_superuser(username="ada", password="x")


@pytest.fixture
def admin(client: Client, ada: User) -> Client:
    client.force_login(ada)
    return client


def fire(api: ProjectClient, *hosts: str, **rule: Any) -> list[str]:
    """A rule and its firing alerts, one for each host; their ids in the order of the hosts."""
    make_rule(api, **rule)
    for host in hosts:
        send_points(api, [90], NOW, host_name=host)
    tick(NOW)
    by_host = {alert["labels"]["host_name"]: alert["id"] for alert in alerts(api)}
    return [by_host[host] for host in hosts]


def act(api: ProjectClient, alert_id: str, action: str, **body: str) -> Any:
    return api.post(f"/api/v1/alerts/{alert_id}/{action}/", body)


def test_an_alert_is_acknowledged_assigned_noted_and_resolved_by_api(api: ProjectClient, ada: User) -> None:
    (alert_id,) = fire(api, "web-1")
    acknowledged = act(api, alert_id, "acknowledge", note="on it").json()
    assert (acknowledged["status"], acknowledged["acknowledged_by"]) == ("acknowledged", "api key test")
    assert act(api, alert_id, "assign", assignee="ada").json()["assigned_to"] == "ada"
    assert act(api, alert_id, "note", note="disk was full").status_code == 200
    resolved = act(api, alert_id, "resolve", note="cleaned up").json()
    assert (resolved["status"], bool(resolved["resolved_at"])) == ("resolved", True)
    assert timeline(api, alert_id) == [
        ("", "firing", "rule tick", "90 > 80"),
        ("firing", "acknowledged", "api key test", "on it"),
        ("", "", "api key test", "assigned to ada"),
        ("", "", "api key test", "disk was full"),
        ("acknowledged", "resolved", "api key test", "cleaned up"),
    ]


def test_the_same_again_changes_nothing_and_a_resolved_alert_is_not_acknowledged(api: ProjectClient) -> None:
    (alert_id,) = fire(api, "web-1")
    assert [act(api, alert_id, "acknowledge").status_code for _ in range(2)] == [200, 200]
    assert [act(api, alert_id, "resolve").status_code for _ in range(2)] == [200, 200]
    late = act(api, alert_id, "acknowledge")
    assert (late.status_code, late.json()["code"]) == (409, "already_handled")
    assert late.json()["detail"] == "The alert was already resolved by api key test."
    assert len(timeline(api, alert_id)) == 3


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("note", {}),
        ("note", {"note": ""}),
        ("assign", {}),
        ("assign", {"assignee": "nobody"}),
        ("resolve", {"why": "x"}),
    ],
)
def test_a_wrong_body_is_refused(api: ProjectClient, action: str, body: dict[str, str]) -> None:
    (alert_id,) = fire(api, "web-1")
    assert act(api, alert_id, action, **body).status_code == 400


def test_only_who_sees_the_project_can_own_its_alert(api: ProjectClient, project: Project) -> None:
    (alert_id,) = fire(api, "web-1")
    ben = get_user_model().objects.create_user(username="ben", password="x")
    assert act(api, alert_id, "assign", assignee="ben").status_code == 400
    project.members.add(ben)
    assert act(api, alert_id, "assign", assignee="ben").json()["assigned_to"] == "ben"
    assert act(api, alert_id, "assign", assignee="").json()["assigned_to"] is None


def test_other_projects_alerts_are_not_there(api: ProjectClient, other_api: ProjectClient) -> None:
    (alert_id,) = fire(api, "web-1")
    assert alerts(other_api) == []
    assert other_api.get(f"/api/v1/alerts/{alert_id}/").status_code == 404
    assert {
        act(other_api, alert_id, name, note="x").status_code for name in ("acknowledge", "resolve", "note")
    } == {404}
    assert act(api, str(uuid.uuid4()), "acknowledge").status_code == 404


def test_acting_takes_the_scope_manage(api: ProjectClient, project: Project) -> None:
    (alert_id,) = fire(api, "web-1")
    assert act(client_of(project, ["read"]), alert_id, "acknowledge").status_code == 403


def test_alerts_are_filtered_by_status_severity_rule_and_time(api: ProjectClient) -> None:
    first, _ = fire(api, "web-1", "web-2")
    act(api, first, "acknowledge")
    (alert,) = alerts(api, status="acknowledged")
    assert alert["id"] == first
    assert len(alerts(api, severity="warning", rule=str(alert["rule"]))) == 2
    assert alerts(api, severity="critical") == []
    assert alerts(api, rule="999999999") == []
    assert alerts(api, start=(NOW + MINUTE).isoformat().replace("+", "%2B")) == []
    assert api.get("/api/v1/alerts/?status=open").status_code == 400


def told(api: ProjectClient) -> list[tuple[str, str | None, str]]:
    """(purpose, channel, recipient) of each message, oldest first."""
    rows = api.results("/api/v1/notifications/")
    return [(row["purpose"], row["channel"], row["recipient"]) for row in reversed(rows)]


def make_channel(api: ProjectClient, name: str) -> None:
    body = {"name": name, "kind": "email", "config": {"recipients": ["ops@example.org"]}}
    assert api.post("/api/v1/notification-channels/", body).status_code == 201


def test_firing_tells_every_channel_and_address_once(api: ProjectClient) -> None:
    make_channel(api, "ops")
    fire(api, "web-1", notification_channels=["ops"], notification_config={"email": ["ana@example.org"]})
    tick(NOW + MINUTE)
    assert sorted(told(api), key=str) == [("firing", "ops", ""), ("firing", None, "ana@example.org")]


def test_resolved_is_told_only_where_firing_was(api: ProjectClient) -> None:
    make_channel(api, "ops")
    make_channel(api, "broken")
    fire(api, "web-1", notification_channels=["ops", "broken"])
    Notification.objects.filter(channel__name="broken").update(status=NotificationStatus.GAVE_UP)
    send_points(api, [0], NOW + 6 * MINUTE, host_name="web-1")
    tick(NOW + 6 * MINUTE)
    assert [one for one in told(api) if one[0] == "resolved"] == [("resolved", "ops", "")]


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
def test_what_people_do_by_hand_sends_nothing(api: ProjectClient, action: str) -> None:
    make_channel(api, "ops")
    (alert_id,) = fire(api, "web-1", notification_channels=["ops"])
    act(api, alert_id, action)
    assert told(api) == [("firing", "ops", "")]


def test_a_pending_alert_tells_nobody_also_when_it_clears(api: ProjectClient) -> None:
    make_channel(api, "ops")
    fire(api, "web-1", notification_channels=["ops"], for_seconds=600)
    send_points(api, [0], NOW + 6 * MINUTE, host_name="web-1")
    tick(NOW + 6 * MINUTE)
    assert told(api) == []
    assert statuses(api) == {}


def test_disabling_a_rule_tells_whom_its_alert_was_told(api: ProjectClient) -> None:
    make_channel(api, "ops")
    fire(api, "web-1", notification_channels=["ops"])
    rule_id = alerts(api)[0]["rule"]
    assert api.patch(f"/api/v1/alert-rules/{rule_id}/", {"enabled": False}).status_code == 200
    assert [purpose for purpose, _, _ in told(api)] == ["firing", "resolved"]


def test_the_list_shows_open_alerts_and_acknowledges_with_one_click(
    admin: Client, api: ProjectClient
) -> None:
    (alert_id,) = fire(api, "web-1")
    page = admin.get(f"{LIST}?q=web-1").content.decode()
    assert "host_name=web-1" in page
    assert "host_name=web-1" not in admin.get(f"{LIST}?q=web-7").content.decode()
    assert f'formaction="{LIST}{alert_id}/acknowledge/"' in page
    answer = admin.post(f"{LIST}{alert_id}/acknowledge/", HTTP_REFERER=f"http://testserver{LIST}?status=open")
    assert (answer.status_code, answer["Location"]) == (302, f"http://testserver{LIST}?status=open")
    assert timeline(api, alert_id)[-1] == ("firing", "acknowledged", "ada", "")
    assert admin.get(f"{LIST}{alert_id}/acknowledge/").status_code == 405


def test_a_foreign_referer_is_not_followed(admin: Client, api: ProjectClient) -> None:
    (alert_id,) = fire(api, "web-1")
    answer = admin.post(f"{LIST}{alert_id}/note/", {"note": "x"}, HTTP_REFERER="https://evil.example/")
    assert answer["Location"] == LIST


def test_bulk_actions_skip_what_was_handled_before(admin: Client, api: ProjectClient) -> None:
    ids = fire(api, "web-1", "web-2", "web-3")
    act(api, ids[0], "resolve")
    answer = admin.post(
        f"{LIST}?status=all", {"action": "acknowledge_selected", "_selected_action": ids}, follow=True
    )
    page = answer.content.decode()
    assert "2 acknowledged." in page
    assert "1 had been handled before" in page
    assert sorted(statuses(api).values()) == ["acknowledged", "acknowledged", "resolved"]
    admin.post(LIST, {"action": "resolve_selected", "_selected_action": ids[1:]})
    assert set(statuses(api).values()) == {"resolved"}


def test_the_alert_page_says_what_is_wrong_and_what_happened(admin: Client, api: ProjectClient) -> None:
    make_channel(api, "ops")
    (alert_id,) = fire(api, "web-1", notification_channels=["ops"])
    path = f"{LIST}{alert_id}/"
    admin.post(f"{path}note/", {"note": "<b>looking</b>"})
    admin.post(f"{path}assign/", {"assignee": "ada"})
    page = admin.get(f"{path}change/").content.decode()
    for text in (
        "avg cpu_usage of each host_name over 5 min &gt; 80",
        "&lt;b&gt;looking&lt;/b&gt;",
        "Assigned to ada",
        "ops",
    ):
        assert text in page
    admin.post(f"{path}resolve/", {"note": "fixed"})
    page = admin.get(f"{path}change/").content.decode()
    assert f'action="{path}acknowledge/"' not in page
    assert f'action="{path}resolve/"' not in page


def test_status_fields_can_not_be_edited(admin: Client, api: ProjectClient) -> None:
    (alert_id,) = fire(api, "web-1")
    assert admin.post(f"{LIST}{alert_id}/change/", {"status": "resolved"}).status_code == 405
    assert statuses(api) == {"host_name=web-1": "firing"}


def test_a_viewer_sees_their_projects_alerts_and_may_not_act(
    api: ProjectClient, other_api: ProjectClient, project: Project
) -> None:
    (own,) = fire(api, "web-1")
    (foreign,) = fire(other_api, "web-9")
    ben = get_user_model().objects.create_user(username="ben", password="x", is_staff=True)
    ben.user_permissions.set(Permission.objects.filter(codename="view_alert"))
    project.members.add(ben)
    client = Client()
    client.force_login(ben)
    page = client.get(LIST).content.decode()
    assert "web-1" in page
    assert "web-9" not in page
    assert client.get(f"{LIST}{own}/change/").status_code == 200
    assert client.post(f"{LIST}{own}/acknowledge/").status_code == 403
    ben.user_permissions.set(Permission.objects.filter(codename__in=["view_alert", "change_alert"]))
    client.force_login(get_user_model().objects.get(username="ben"))
    assert client.post(f"{LIST}{foreign}/acknowledge/").status_code == 404
    assert client.post(f"{LIST}{own}/acknowledge/").status_code == 302
    assert statuses(api) == {"host_name=web-1": Status.ACKNOWLEDGED}
    assert statuses(other_api) == {"host_name=web-9": Status.FIRING}


def test_an_edit_of_the_rule_shows_on_its_open_alerts(api: ProjectClient) -> None:
    (alert_id,) = fire(api, "web-1")
    rule = Rule.objects.get(pk=alerts(api)[0]["rule"])
    edit(api, rule, name="Hot", severity="critical")
    alert = api.get(f"/api/v1/alerts/{alert_id}/").json()
    assert (alert["rule_name"], alert["severity"]) == ("Hot", "critical")


def test_a_pending_alert_is_not_acknowledged_and_fires(admin: Client, api: ProjectClient) -> None:
    make_rule(api, for_seconds=60)
    send_points(api, [90], NOW, host_name="web-1")
    tick(NOW)
    (alert,) = alerts(api)
    answer = act(api, alert["id"], "acknowledge")
    assert answer.status_code == 409
    assert "pending" in answer.json()["detail"]
    assert "Acknowledge</button>" not in admin.get(LIST).content.decode()
    tick(NOW + MINUTE)
    assert statuses(api) == {"host_name=web-1": "firing"}

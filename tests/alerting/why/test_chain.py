"""Why was I, or was I not, told? The chain by API and in the admin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries, Settings
from pytest_httpserver import HTTPServer

from alerting.delivery import deliver_due
from alerting.models import Alert, Attempt, Notification, NotificationStatus, Purpose, Status, Transition
from alerting.why.chain import MAX_LISTED
from projects.models import Project
from tests.admin import member_client, superuser_client
from tests.alerting.delivery_rows import make_alert, make_channel, make_notification
from tests.alerting.scenes import edit, make_rule, send_points, tick
from tests.alerting.test_alerts_page import text_of
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0)
MINUTE = timedelta(minutes=1)


def why(api: ProjectClient, alert: Alert) -> dict[str, Any]:
    answer = api.get(f"/api/v1/alerts/{alert.pk}/why/")
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def page(alert: Alert, client: Client | None = None) -> str:
    answer = (client or superuser_client()).get(f"/admin/alerting/alert/{alert.pk}/why/")
    assert answer.status_code == 200
    return text_of(answer.content.decode())


@pytest.fixture
def slack(api: ProjectClient, settings: Settings, httpserver: HTTPServer) -> HTTPServer:
    """A webhook at which the project has a channel called ops."""
    settings.TELEMETRY_OUTBOUND_ALLOW = ("127.0.0.1",)
    settings.PUBLIC_URL = "https://telemetry.example"
    channel = {"name": "ops", "kind": "slack", "config": {"webhook_url": httpserver.url_for("/hook")}}
    assert api.post("/api/v1/notification-channels/", channel).status_code == 201
    return httpserver


@pytest.mark.django_db(transaction=True)
def test_the_whole_chain_from_a_point_to_a_person_is_one_answer(
    api: ProjectClient, slack: HTTPServer
) -> None:
    slack.expect_ordered_request("/hook").respond_with_data("no", status=500)
    slack.expect_ordered_request("/hook").respond_with_data("ok")
    rule = make_rule(api, notification_channels=["ops"])
    send_points(api, [88, 96], NOW, host_name="web-1")
    tick(NOW)
    deliver_due(timezone.now())
    deliver_due(timezone.now() + MINUTE)
    alert = Alert.objects.get()
    api.post(f"/api/v1/alerts/{alert.pk}/acknowledge/", {"note": "mine"})

    chain = why(api, alert)
    assert chain["rule"]["sentence"] == "avg cpu_usage of each host_name over 5 min > 80"
    assert chain["rule"]["is_as_now"]
    firing, acknowledged = chain["steps"]
    assert (firing["to_status"], firing["reason"], firing["by_person"]) == ("firing", "92 > 80", False)
    assert [one["value"] for one in firing["evidence"]["samples"]["records"]] == [96, 88]
    assert chain["actions"] == [acknowledged]
    assert (acknowledged["actor"], acknowledged["reason"]) == ("api key test", "mine")
    (place,) = chain["places"]
    assert (place["name"], place["outcome"]) == ("ops", "told")
    (message,) = place["messages"]
    assert [(one["status"], one["error"] != "") for one in message["attempts"]] == [
        ("failed", True),
        ("sent", False),
    ]
    assert all(one["latency_ms"] > 0 for one in message["attempts"])
    assert chain["verdict"] == {"outcome": "told", "text": "Of 1 place: 1 told."}
    assert place["url"].startswith("https://telemetry.example/admin/alerting/notificationchannel/")

    text = page(alert)
    for words in ("Of 1 place: 1 told.", "Firing 92 > 80", "2 records in the window", "Acknowledged mine"):
        assert words in text
    edit(api, rule, condition_config={**rule.condition_config, "threshold": 95})
    assert "Since edited to avg cpu_usage of each host_name over 5 min > 95" in page(alert)
    assert not why(api, alert)["rule"]["is_as_now"]


PENDING = {"status": Status.PENDING, "triggered_at": None}
NEVER_FIRED = {"status": Status.RESOLVED, "triggered_at": None}
NO_PLACE = "Nobody was told: no channel and no address was there to tell when it fired."
NOBODY = [
    ("a pending one", PENDING, "Nobody was told yet: a pending alert sends nothing."),
    ("one that never fired", NEVER_FIRED, "Nobody was told: the alert never fired."),
    ("one without places", {}, NO_PLACE),
    (
        "one with places made since",
        {"notification_config": {"email": ["ana@example.com"]}},
        f"{NO_PLACE} It has some now: they hear of the next alert.",
    ),
]


@pytest.mark.parametrize(("changes", "said"), [row[1:] for row in NOBODY], ids=[row[0] for row in NOBODY])
def test_where_there_is_no_message_the_reason_is_said(
    api: ProjectClient, project: Project, changes: dict[str, Any], said: str
) -> None:
    alert = make_alert(project, **changes)
    assert why(api, alert)["verdict"] == {"outcome": "nobody", "text": said}
    assert said in page(alert)


S = NotificationStatus
WHY_SILENCED = "silenced by ana until noon: deploy"
SILENCED: dict[str, Any] = {
    "reason": WHY_SILENCED,
    "muted_by": {"kind": "silence", "id": 1, "name": "x=y"},
}
Rows = list[tuple[Purpose, S, dict[str, Any]]]
OUTCOMES: list[tuple[str, Rows, tuple[str, str], str]] = [
    ("sent", [(Purpose.FIRING, S.SENT, {"reason": "first notification"})], ("told", "first notification"),
     "Of 1 place: 1 told."),
    ("muted", [(Purpose.FIRING, S.MUTED, SILENCED)], ("muted", WHY_SILENCED),
     "Nobody was told. Of 1 place: 1 muted."),
    ("waiting", [(Purpose.FIRING, S.PENDING, {})], ("waiting", "waits for its turn"),
     "Nobody was told. Of 1 place: 1 waiting."),
    ("to be tried again", [(Purpose.FIRING, S.FAILED, {"error": "Slack answered 500"})],
     ("waiting", "Slack answered 500"), "Nobody was told. Of 1 place: 1 waiting."),
    ("given up", [(Purpose.FIRING, S.GAVE_UP, {"error": "The channel is disabled."})],
     ("failed", "The channel is disabled."), "Nobody was told. Of 1 place: 1 could not be told."),
    ("told before a reminder was muted",
     [(Purpose.FIRING, S.SENT, {}), (Purpose.REPEAT, S.MUTED, SILENCED)], ("told", ""), "Of 1 place: 1 told."),
    ("muted at first, told by a reminder",
     [(Purpose.FIRING, S.MUTED, SILENCED), (Purpose.REPEAT, S.SENT, {})], ("told", ""), "Of 1 place: 1 told."),
    ("told, its end muted", [(Purpose.FIRING, S.SENT, {}), (Purpose.RESOLVED, S.MUTED, SILENCED)], ("told", ""),
     "Of 1 place: 1 told."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "outcome", "verdict"), [row[1:] for row in OUTCOMES], ids=[row[0] for row in OUTCOMES]
)
def test_a_place_was_told_or_there_is_a_named_reason(
    api: ProjectClient,
    project: Project,
    rows: Rows,
    outcome: tuple[str, str],
    verdict: str,
) -> None:
    alert = make_alert(project)
    channel = make_channel(project, "slack", {"webhook_url": "https://hooks.example/x"})
    for purpose, status, changes in rows:
        make_notification(alert, channel, purpose, status=status, **changes)
    chain = why(api, alert)
    (place,) = chain["places"]
    assert (place["outcome"], place["reason"]) == outcome
    assert chain["verdict"]["text"] == verdict
    assert verdict in page(alert)


def test_of_very_many_changes_and_messages_the_newest_are_shown_with_a_note(
    api: ProjectClient, project: Project
) -> None:
    alert = make_alert(project)
    evidence = {"condition": {"threshold": 1}, "samples": {}}
    Transition.objects.create(
        project=project, alert=alert, at=NOW - 9 * MINUTE, actor="rule tick", evidence=evidence
    )
    notes = [
        Transition(project=project, alert=alert, at=NOW, kind="note", actor="ana") for _ in range(MAX_LISTED)
    ]
    Transition.objects.bulk_create(notes)
    channel = make_channel(project, "slack", {"webhook_url": "https://hooks.example/x"})
    Notification.objects.bulk_create(
        Notification(
            project=project,
            alert=alert,
            channel=channel,
            purpose=Purpose.REPEAT,
            status=S.SENT,
            created_at=NOW,
            dedup_key=f"many{number}",
        )
        for number in range(MAX_LISTED + 1)
    )
    chain = why(api, alert)
    assert chain["note"] == "Of 501 changes and 501 messages the newest 500 are shown."
    assert chain["note"] in page(alert)
    assert len(chain["steps"]) == len(chain["places"][0]["messages"]) == MAX_LISTED
    assert chain["steps"][-1]["actor"] == "ana"
    assert chain["rule"]["condition"] == {"threshold": 1}


def test_what_muted_a_message_is_named_and_linked(api: ProjectClient, project: Project) -> None:
    alert = make_alert(project)
    silence = {"starts_at": NOW.isoformat(), "ends_at": (NOW + 60 * MINUTE).isoformat(), "comment": "deploy"}
    created = api.post("/api/v1/silences/", {"matchers": ['host_name="web-1"'], **silence})
    assert created.status_code == 201, created.content
    row = make_notification(
        alert,
        make_channel(project, "slack", {"webhook_url": "https://hooks.example/x"}),
        status=S.MUTED,
        reason="silenced",
        muted_by={"kind": "silence", "id": created.json()["id"], "name": 'host_name="web-1"'},
    )
    (place,) = why(api, alert)["places"]
    muted_by = place["messages"][0]["muted_by"]
    assert muted_by["name"] == 'host_name="web-1"'
    assert muted_by["url"].endswith(f"/admin/alerting/silence/{created.json()['id']}/change/")
    html = superuser_client().get(f"/admin/alerting/alert/{alert.pk}/why/").content.decode()
    assert f'id="message-{row.pk}"' in html
    assert f"/admin/alerting/silence/{created.json()['id']}/change/" in html


def test_places_are_told_apart_and_counted(api: ProjectClient, project: Project) -> None:
    alert = make_alert(project)
    mail = make_channel(project, "email", {"recipients": ["ana@example.com"]})
    make_notification(alert, mail, recipient="ana@example.com", status=S.SENT)
    make_notification(alert, mail, recipient="bob@example.com", status=S.GAVE_UP, error="no such mailbox")
    make_notification(alert, None, recipient="eve@example.com", status=S.MUTED, **SILENCED)
    chain = why(api, alert)
    assert [(one["name"], one["outcome"]) for one in chain["places"]] == [
        ("ops-email: ana@example.com", "told"),
        ("ops-email: bob@example.com", "failed"),
        ("eve@example.com", "muted"),
    ]
    assert chain["verdict"]["text"] == "Of 3 places: 1 told, 1 muted, 1 could not be told."


def test_samples_nobody_gathered_are_gathered_by_the_first_reader(api: ProjectClient) -> None:
    make_rule(api)
    send_points(api, [96], NOW, host_name="web-1")
    tick(NOW)
    alert = Alert.objects.get()
    (step,) = why(api, alert)["steps"]
    first = step["evidence"]["samples"]
    assert [one["value"] for one in first["records"]] == [96]
    assert why(api, alert)["steps"][0]["evidence"]["samples"] == first


def test_the_number_of_queries_does_not_grow_with_messages_and_attempts(
    api: ProjectClient, project: Project, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    alert = make_alert(project)
    channel = make_channel(project, "slack", {"webhook_url": "https://hooks.example/x"})
    for _ in range(30):
        row = make_notification(alert, channel, Purpose.REPEAT, status=S.SENT)
        Attempt.objects.create(notification=row, at=NOW, status=S.SENT, latency_ms=12)
    why(api, alert)
    with django_assert_max_num_queries(12):
        assert len(why(api, alert)["places"][0]["messages"]) == 30


def test_the_chain_of_another_project_is_not_there(
    project: Project, other_project: Project, other_api: ProjectClient
) -> None:
    alert = make_alert(project)
    assert other_api.get(f"/api/v1/alerts/{alert.pk}/why/").status_code == 404
    stranger = member_client(other_project, "alerting.alert")
    assert stranger.get(f"/admin/alerting/alert/{alert.pk}/why/").status_code == 404
    newcomer = member_client(project)
    assert newcomer.get(f"/admin/alerting/alert/{alert.pk}/why/").status_code == 403
    assert page(alert, member_client(project, "alerting.alert"))


def test_it_is_only_read(api: ProjectClient, project: Project) -> None:
    alert = make_alert(project)
    assert api.post(f"/api/v1/alerts/{alert.pk}/why/", {}).status_code == 405
    assert superuser_client().post(f"/admin/alerting/alert/{alert.pk}/why/").status_code == 405
    assert Notification.objects.count() == 0


def test_hostile_texts_are_escaped(project: Project) -> None:
    alert = make_alert(project, labels={"host_name": "<script>alert(1)</script>"}, rule_name="<b>rule</b>")
    html = superuser_client().get(f"/admin/alerting/alert/{alert.pk}/why/").content.decode()
    assert "<script>alert(1)" not in html
    assert "<b>rule" not in html

"""Clicks on buttons in Slack: proven by their signature, done once, in the name of who clicked."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_httpserver import HTTPServer

from alerting.models import Alert, Notification, NotificationChannel, Purpose, Silence, Status
from projects.models import Project
from tests.alerting.delivery_rows import make_alert, make_channel, make_notification, make_project

pytestmark = pytest.mark.django_db

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
APP = {"bot_token": "xoxb-12345678", "channel": "#ops", "signing_secret": SECRET}


@pytest.fixture
def channel(project: Project) -> NotificationChannel:
    return make_channel(project, "slack", APP)


@pytest.fixture
def alert(project: Project, channel: NotificationChannel) -> Alert:
    alert = make_alert(project)
    make_notification(alert, channel, status="sent")
    return alert


def click(alert_id: object, action: str = "acknowledge", **changes: Any) -> dict[str, Any]:
    return {
        "type": "block_actions",
        "user": {"id": "U1", "username": "ana", "name": "ana"},
        "actions": [{"action_id": action, "value": str(alert_id), "action_ts": f"{time.time():.6f}"}],
        **changes,
    }


def body_of(payload: Any) -> str:
    return urlencode({"payload": json.dumps(payload)})


def signature(body: str, secret: str, sent_at: int) -> str:
    return "v0=" + hmac.new(secret.encode(), f"v0:{sent_at}:{body}".encode(), hashlib.sha256).hexdigest()


def post(
    channel: NotificationChannel, body: str, *, secret: str = SECRET, age_seconds: int = 0, **headers: str
) -> HttpResponse:
    sent_at = int(time.time()) - age_seconds
    known = {
        "X-Slack-Request-Timestamp": str(sent_at),
        "X-Slack-Signature": signature(body, secret, sent_at),
    }
    answer = Client(enforce_csrf_checks=True).post(
        f"/integrations/slack/{channel.pk}/",
        body,
        content_type="application/x-www-form-urlencoded",
        headers={**known, **headers},
    )
    assert isinstance(answer, HttpResponse)
    return answer


def test_acknowledge_is_done_in_the_name_of_who_clicked(channel: NotificationChannel, alert: Alert) -> None:
    assert post(channel, body_of(click(alert.pk))).status_code == 200
    alert.refresh_from_db()
    assert (alert.status, alert.acknowledged_by) == (Status.ACKNOWLEDGED, "slack user ana")


def test_resolve_ends_the_episode(channel: NotificationChannel, alert: Alert) -> None:
    assert post(channel, body_of(click(alert.pk, "resolve"))).status_code == 200
    alert.refresh_from_db()
    assert alert.status == Status.RESOLVED
    transition = alert.transitions.get(to_status="resolved")
    assert transition.actor == "slack user ana"


def test_silence_hides_this_alert_for_an_hour_and_says_so_in_its_timeline(
    channel: NotificationChannel, alert: Alert
) -> None:
    assert post(channel, body_of(click(alert.pk, "silence"))).status_code == 200
    silence = Silence.objects.get()
    assert silence.project == alert.project
    assert silence.author == "slack user ana"
    assert silence.ends_at - silence.starts_at == timedelta(hours=1)
    assert set(silence.matchers) == {'rule="High Error Rate"', 'host_name="web-1"'}
    assert alert.transitions.get(kind="note").reason == "silenced for 1 h"


def test_the_change_goes_back_to_slack_by_the_outbox(channel: NotificationChannel, alert: Alert) -> None:
    post(channel, body_of(click(alert.pk)))
    update = Notification.objects.get(purpose=Purpose.UPDATE)
    assert (update.channel, update.alert, update.status) == (channel, alert, "pending")


@pytest.mark.parametrize("action", ["acknowledge", "resolve", "silence"])
def test_the_same_request_twice_changes_nothing_more(
    channel: NotificationChannel, alert: Alert, action: str
) -> None:
    body = body_of(click(alert.pk, action))
    assert [post(channel, body).status_code for _ in range(2)] == [200, 200]
    assert alert.transitions.count() == 1
    assert Silence.objects.count() == (1 if action == "silence" else 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "another secret of the same app!!"},
        {"age_seconds": 301},
        {"age_seconds": -302},
        {"X-Slack-Signature": ""},
        {"X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Signature": "v1=" + "0" * 64},
        {"X-Slack-Signature": "v0=\u00e9"},
        {"X-Slack-Request-Timestamp": ""},
        {"X-Slack-Request-Timestamp": "soon"},
        {"X-Slack-Request-Timestamp": "9" * 400},
        {"X-Slack-Request-Timestamp": "-5"},
    ],
    ids=str,
)
def test_what_slack_did_not_sign_just_now_is_refused(
    channel: NotificationChannel, alert: Alert, wrong: dict[str, Any]
) -> None:
    assert post(channel, body_of(click(alert.pk)), **wrong).status_code == 401
    alert.refresh_from_db()
    assert alert.status == Status.FIRING


def test_a_channel_without_signing_secret_believes_nobody(project: Project, alert: Alert) -> None:
    unsigned = make_channel(
        project, "slack", {"bot_token": "xoxb-12345678", "channel": "#ops"}, name="unsigned"
    )
    assert post(unsigned, body_of(click(alert.pk)), secret="").status_code == 401


def test_the_secret_of_one_channel_opens_no_other(
    project: Project, channel: NotificationChannel, alert: Alert
) -> None:
    other = make_channel(project, "slack", {**APP, "signing_secret": "another-secret"}, name="other")
    assert post(other, body_of(click(alert.pk)), secret=SECRET).status_code == 401


def test_an_alert_of_another_project_is_not_touched(channel: NotificationChannel) -> None:
    foreign = make_alert(make_project("Bank"))
    assert post(channel, body_of(click(foreign.pk))).status_code == 200
    foreign.refresh_from_db()
    assert foreign.status == Status.FIRING


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {},
        {"actions": []},
        {"actions": [{}], "user": {"id": "U1"}},
        click("not an id"),
        click(uuid.uuid4(), user=[]),
        click(uuid.uuid4(), user={}),
        click(uuid.uuid4(), actions=[{"action_id": "resolve", "value": 5, "action_ts": "1"}]),
        click(
            uuid.uuid4(),
            actions=[{"action_id": "resolve", "value": str(uuid.uuid4()), "action_ts": "1e400"}],
        ),
    ],
    # The payloads hold the time: as names they would differ between workers.
    ids=range(10),
)
def test_signed_nonsense_is_a_bad_request(channel: NotificationChannel, payload: Any) -> None:
    assert post(channel, body_of(payload)).status_code == 400


@pytest.mark.parametrize("body", ["", "payload=", "payload={", "a=b", "\ud7ff"])
def test_signed_bodies_that_are_no_payload_are_bad_requests(channel: NotificationChannel, body: str) -> None:
    assert post(channel, body).status_code == 400


def test_other_paths_and_methods_are_not_there(channel: NotificationChannel, project: Project) -> None:
    client = Client()
    mail = make_channel(project, "email", {"recipients": ["ana@example.com"]})
    assert client.get(f"/integrations/slack/{channel.pk}/").status_code == 405
    for path in (f"slack/{channel.pk + 99}", f"email/{channel.pk}", f"email/{mail.pk}", "pigeon/1"):
        assert client.post(f"/integrations/{path}/").status_code == 404
    assert client.post(f"/integrations/slack/{'9' * 30}/").status_code == 404
    NotificationChannel.objects.filter(pk=channel.pk).update(enabled=False)
    assert post(channel, body_of(click(uuid.uuid4()))).status_code == 404


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("acknowledge", "already acknowledged by slack user bob"),
        ("order pizza", "not known here"),
    ],
)
def test_a_click_that_changes_nothing_tells_the_clicker(
    channel: NotificationChannel, alert: Alert, httpserver: HTTPServer, action: str, words: str
) -> None:
    httpserver.expect_request("/response").respond_with_data("ok")
    post(channel, body_of(click(alert.pk, user={"id": "U2", "username": "bob"})))
    again = click(alert.pk, action, response_url=httpserver.url_for("/response"))
    assert post(channel, body_of(again)).status_code == 200
    (told,) = [request.get_json() for request, _ in httpserver.log]
    assert words in told["text"]
    assert (told["response_type"], told["replace_original"]) == ("ephemeral", False)


def test_a_click_counts_where_its_feedback_can_not_be_given(
    channel: NotificationChannel, alert: Alert
) -> None:
    payload = click(alert.pk, "nothing", response_url="ftp://127.0.0.1/")
    assert post(channel, body_of(payload)).status_code == 200


def test_an_old_click_silences_nothing(channel: NotificationChannel, alert: Alert) -> None:
    long_ago = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    payload = click(alert.pk)
    payload["actions"] = [{"action_id": "silence", "value": str(alert.pk), "action_ts": str(long_ago)}]
    assert post(channel, body_of(payload)).status_code == 200
    assert not Silence.objects.exists()

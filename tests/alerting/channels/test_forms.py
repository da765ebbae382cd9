"""Each kind's form in the admin: plain inputs, secrets kept or removed, errors at their fields, a preview."""

from __future__ import annotations

import html
from typing import Any

import pytest
from django.test import Client

from alerting.channels import channel_kinds
from alerting.models import NotificationChannel
from projects.models import Project
from tests.admin import superuser_client
from tests.alerting.delivery_rows import make_channel
from tests.clients import client_of

pytestmark = pytest.mark.django_db

LIST = "/admin/alerting/notificationchannel/"
KEY = "0123456789abcdef0123456789abcdef"
GOTIFY = "gotifys://gotify.example.com/AAaAaAAaAaaaAa_"


@pytest.fixture
def admin() -> Client:
    return superuser_client()


def errors_of(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200, "the form was accepted"
    return dict(answer.context["adminform"].form.errors)


def test_every_kind_is_offered_with_what_it_is(admin: Client) -> None:
    page = html.unescape(admin.get(f"{LIST}add/").content.decode())
    for kind in channel_kinds().values():
        assert f'href="?kind={kind.name}"' in page
        assert kind.title in page
        assert kind.summary in page


@pytest.mark.parametrize(
    ("kind", "entered", "stored"),
    [
        ("webhook", {"url": "https://example.com/in"}, {"url": "https://example.com/in", "format": "native"}),
        (
            "webhook",
            {
                "url": "https://example.com/in",
                "secret": "sesame-sesame",
                "headers": "X-Key: a: b\r\n\r\nAuthorization: Bearer c\r\n",
                "format": "template",
                "template": '{"text": "{{ title }}"}',
                "content_type": "application/json",
            },
            {
                "url": "https://example.com/in",
                "secret": "sesame-sesame",
                "headers": {"X-Key": "a: b", "Authorization": "Bearer c"},
                "format": "template",
                "template": '{"text": "{{ title }}"}',
                "content_type": "application/json",
            },
        ),
        (
            "webhook",
            {
                "url": "https://example.com/in",
                "format": "alertmanager",
                "template": "left from before",
                "content_type": "text/plain",
            },
            {"url": "https://example.com/in", "format": "alertmanager"},
        ),
        ("pagerduty", {"routing_key": KEY}, {"routing_key": KEY, "url": "https://events.pagerduty.com"}),
        ("apprise", {"url": GOTIFY}, {"url": GOTIFY, "service": "gotifys"}),
    ],
)
def test_what_is_entered_is_stored(
    admin: Client, project: Project, kind: str, entered: dict[str, str], stored: dict[str, Any]
) -> None:
    answer = admin.post(
        f"{LIST}add/?kind={kind}", {"project": project.pk, "name": "new", "enabled": "on", **entered}
    )
    assert answer.status_code == 302, errors_of(answer)
    assert NotificationChannel.objects.get().config == stored


@pytest.mark.parametrize(
    ("kind", "entered", "field"),
    [
        ("webhook", {}, "url"),
        ("webhook", {"url": "https://example.com/in", "headers": "no colon"}, "headers"),
        (
            "webhook",
            {"url": "https://example.com/in", "format": "template", "template": "{{ nobody }}"},
            "template",
        ),
        ("pagerduty", {"routing_key": "short"}, "routing_key"),
        ("apprise", {"url": ""}, "url"),
        ("apprise", {"url": "mailto://ana:word@example.com"}, "url"),
        ("slack", {"bot_token": "xoxb-12345678"}, "channel"),
    ],
)
def test_errors_stand_at_their_fields(
    admin: Client, project: Project, kind: str, entered: dict[str, str], field: str
) -> None:
    answer = admin.post(f"{LIST}add/?kind={kind}", {"project": project.pk, "name": "new", **entered})
    assert list(errors_of(answer)) == [field]


@pytest.mark.parametrize(
    ("kind", "config", "entered", "kept"),
    [
        (
            "webhook",
            {"url": "https://example.com/in", "secret": "sesame-sesame", "format": "native"},
            {"format": "alertmanager"},
            {"url": "https://example.com/in", "secret": "sesame-sesame", "format": "alertmanager"},
        ),
        (
            "webhook",
            {
                "url": "https://example.com/in",
                "secret": "sesame-sesame",
                "headers": {"A": "b"},
                "format": "native",
            },
            {"secret": "-", "headers": "-", "format": "native"},
            {"url": "https://example.com/in", "format": "native"},
        ),
        (
            "slack",
            {"bot_token": "xoxb-12345678", "channel": "#ops", "signing_secret": "0123456789abcdef"},
            {"channel": "#ops", "signing_secret": "-"},
            {"bot_token": "xoxb-12345678", "channel": "#ops"},
        ),
        (
            "apprise",
            {"url": GOTIFY, "service": "gotifys"},
            {"url": ""},
            {"url": GOTIFY, "service": "gotifys"},
        ),
    ],
)
def test_a_secret_left_empty_stays_and_a_hyphen_removes_it(
    *,
    admin: Client,
    project: Project,
    kind: str,
    config: dict[str, Any],
    entered: dict[str, str],
    kept: dict[str, Any],
) -> None:
    channel = make_channel(project, kind, config)
    answer = admin.post(f"{LIST}{channel.pk}/change/", {"name": "ops", "enabled": "on", **entered})
    assert answer.status_code == 302, errors_of(answer)
    channel.refresh_from_db()
    assert channel.config == kept


def test_the_page_of_a_slack_channel_says_where_slack_sends_clicks(admin: Client, project: Project) -> None:
    slack = make_channel(project, "slack", {"bot_token": "xoxb-12345678", "channel": "#ops"})
    mail = make_channel(project, "email", {"recipients": ["ana@example.com"]})
    address = f"https://telemetry.example/integrations/slack/{slack.pk}/"
    assert address in admin.get(f"{LIST}{slack.pk}/change/").content.decode()
    assert "/integrations/" not in admin.get(f"{LIST}{mail.pk}/change/").content.decode()


@pytest.mark.parametrize(
    ("entered", "expected"),
    [
        ({"format": "native"}, '"rule": "High CPU on \\"web\\""'),
        ({"format": "alertmanager"}, '"version": "4"'),
        (
            {"format": "template", "template": "<{{ status }}>", "content_type": "text/plain"},
            "<firing>",
        ),
        ({"format": "template", "template": "{{ nobody }}"}, "Line 1: there is no 'nobody'"),
        ({"format": "template"}, "Enter the body"),
        ({}, '"version": "1"'),
    ],
)
def test_a_preview_shows_the_body_as_the_form_stands(
    admin: Client, entered: dict[str, str], expected: str
) -> None:
    answer = admin.post(f"{LIST}preview/webhook/", entered)
    assert answer.status_code == 200
    said = answer.json()
    assert expected in (said.get("body") or said.get("problem") or "")


def test_a_preview_needs_a_login_and_a_kind_that_has_one(admin: Client) -> None:
    assert Client().post(f"{LIST}preview/webhook/", {}).status_code == 302
    assert admin.post(f"{LIST}preview/pigeon/", {}).status_code == 404
    assert admin.post(f"{LIST}preview/email/", {}).status_code == 404
    assert admin.get(f"{LIST}preview/webhook/").status_code == 405


@pytest.mark.parametrize(
    ("kind", "config", "shown"),
    [
        ("webhook", {"url": "https://example.com/in"}, {"url": "set", "format": "native"}),
        ("pagerduty", {"routing_key": KEY}, {"routing_key": "set", "url": "https://events.pagerduty.com"}),
        ("apprise", {"url": GOTIFY}, {"url": "set", "service": "gotifys"}),
    ],
)
def test_the_api_makes_each_kind_and_shows_no_secret(
    project: Project, kind: str, config: dict[str, Any], shown: dict[str, Any]
) -> None:
    api = client_of(project)
    answer = api.post("/api/v1/notification-channels/", {"name": "new", "kind": kind, "config": config})
    assert answer.status_code == 201, answer.content
    assert answer.json()["config"] == shown
    wrong = api.post("/api/v1/notification-channels/", {"name": "no", "kind": kind, "config": {"a": "b"}})
    assert wrong.status_code == 400
    assert "Unknown field" in wrong.content.decode()

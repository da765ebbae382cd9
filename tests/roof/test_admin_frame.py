"""The admin's frame: who gets in, what is kept of changes, what is never shown."""

from __future__ import annotations

import pytest
from auditlog.models import LogEntry
from auditlog.registry import auditlog
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from alerting.models import NotificationChannel
from projects.keys import create_key
from projects.models import ApiKey, Project
from telemetry_platform.login import MAX_FAILURES, TOO_MANY

pytestmark = pytest.mark.django_db

SECRET_WORDS = ("secret", "password", "token", "hash", "config_encrypted", "webhook")


def test_no_audited_field_holds_a_secret() -> None:
    audited = {
        f"{model._meta.label}.{field}"
        for model in auditlog.get_models()
        for field in auditlog.get_model_fields(model)["include_fields"]
    }
    assert "alerting.NotificationChannel.name" in audited
    assert [field for field in audited if any(word in field.lower() for word in SECRET_WORDS)] == []


def test_changes_of_a_channel_are_kept_without_its_configuration(project: Project) -> None:
    channel = NotificationChannel(project=project, name="ops", kind="slack")
    channel.config = {"webhook_url": "https://hooks.example/very-secret"}
    channel.save()
    entries = LogEntry.objects.get_for_object(channel)
    assert entries.exists()
    assert all("very-secret" not in str(entry.changes) and "config" not in entry.changes for entry in entries)


def test_a_new_key_is_shown_once_and_only_its_hash_is_stored(admin_client: Client, project: Project) -> None:
    url = reverse("admin:projects_apikey_add")
    form = {"project": project.pk, "name": "web", "scopes": ["ingest", "read"], "rate_limit_per_second": ""}
    page = admin_client.post(url, form, follow=True).content.decode()
    row = ApiKey.objects.get(project=project)
    assert (row.scopes, page.count(f"The key is {row.prefix}")) == (["ingest", "read"], 1)
    again = admin_client.get(reverse("admin:projects_apikey_change", args=[row.pk])).content.decode()
    assert "The key is" not in again


def test_revoking_a_key_shuts_it_out(admin_client: Client, project: Project, client: Client) -> None:
    row, text = create_key(project, "web", ["read"])
    headers = {"HTTP_AUTHORIZATION": f"Bearer {text}"}
    assert client.get("/api/v1/events", **headers).status_code == 200  # type: ignore[arg-type]  # WSGI headers
    action = {"action": "revoke", "_selected_action": [row.pk]}
    admin_client.post(reverse("admin:projects_apikey_changelist"), action)
    assert client.get("/api/v1/events", **headers).status_code == 401  # type: ignore[arg-type]  # WSGI headers


def test_ten_wrong_passwords_lock_a_name_for_a_while(client: Client) -> None:
    cache.clear()
    User.objects.create_superuser("carol", password="right password")
    login = reverse("admin:login")
    for _ in range(MAX_FAILURES):
        page = client.post(login, {"username": "carol", "password": "wrong"}).content.decode()
        assert TOO_MANY not in page
    page = client.post(login, {"username": "carol", "password": "right password"}).content.decode()
    assert TOO_MANY in page
    cache.clear()
    assert client.post(login, {"username": "carol", "password": "right password"}).status_code == 302


ADMIN_LISTS = [
    "projects_project",
    "projects_apikey",
    "projects_retentionpolicy",
    "events_event",
    "metrics_metricseries",
    "metrics_businessmetric",
    "traces_span",
    "alerting_alert",
    "alerting_rule",
    "alerting_notificationchannel",
    "alerting_notification",
    "django_celery_beat_periodictask",
    "auth_user",
    "auditlog_logentry",
]


@pytest.mark.parametrize("page", ADMIN_LISTS)
def test_every_list_opens_and_says_so_when_empty(admin_client: Client, page: str) -> None:
    assert admin_client.get(reverse(f"admin:{page}_changelist")).status_code == 200


@pytest.mark.parametrize("query", ["?project=999999999", "?project=x", "?cursor=nonsense", "?colour=red"])
def test_wrong_parameters_lead_back_to_the_list(admin_client: Client, project: Project, query: str) -> None:
    answer = admin_client.get(reverse("admin:events_event_changelist") + query)
    assert answer.status_code in (200, 302)


def test_a_user_with_one_project_need_not_choose_it_for_a_key(admin_client: Client, project: Project) -> None:
    url = reverse("admin:projects_apikey_add")
    chosen = f'<option value="{project.pk}" selected>'
    assert chosen in admin_client.get(url).content.decode()
    Project.objects.create(name="Other", slug="other")
    assert chosen not in admin_client.get(url).content.decode()
    assert chosen in admin_client.get(f"{url}?project={project.pk}").content.decode()

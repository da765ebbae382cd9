"""Two who edit the same rule or channel at the same time: neither undoes what the other changed."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from alerting.models import NotificationChannel, Rule
from projects.models import Project
from tests.alerting.scenes import make_rule
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db(transaction=True)

# Of this database alone: other test processes wait for locks on the same server. The lock on a row's transaction names
# no database, hence the second look; pg_stat_activity would not do, as a transaction sees it frozen.
WAITING = """SELECT count(DISTINCT pid) FROM pg_locks
             WHERE NOT granted AND pid IN (
                 SELECT pid FROM pg_locks JOIN pg_database d ON d.oid = database WHERE datname = current_database()
             )"""
SLACK = {"bot_token": "xoxb-0123456789", "channel": "#ops"}


@pytest.fixture
def project(transactional_db: None) -> Project:
    return make_project("shop")


@pytest.fixture
def api(project: Project) -> ProjectClient:
    return client_of(project)


def patch_at_once(api: ProjectClient, held: Any, path: str, *bodies: dict[str, Any]) -> list[int]:
    """The status of each PATCH; all have come as far as the row of `held`, which is locked, before one goes on."""
    with ThreadPoolExecutor(len(bodies)) as threads:
        with transaction.atomic():
            type(held).objects.select_for_update().get(pk=held.pk)
            running = [threads.submit(_patch, api, path, body) for body in bodies]
            _wait_for_waiting(len(bodies))
        return [one.result(timeout=30) for one in running]


def _patch(api: ProjectClient, path: str, body: dict[str, Any]) -> int:
    try:
        status: int = client_of(api.project).patch(path, body).status_code
        return status
    finally:
        connections.close_all()


def _wait_for_waiting(count: int) -> None:
    deadline = time.monotonic() + 10
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(WAITING)
            if cursor.fetchone()[0] >= count:
                return
    pytest.fail("not all came to the lock")


def make_channel(api: ProjectClient) -> NotificationChannel:
    body = {"name": "ops", "kind": "slack", "config": SLACK}
    return NotificationChannel.objects.get(pk=api.post("/api/v1/notification-channels/", body).json()["id"])


def test_edits_of_different_fields_of_a_rule_are_both_kept(api: ProjectClient) -> None:
    make_channel(api)
    rule = make_rule(api)
    bodies: list[dict[str, Any]] = [
        {"enabled": False},
        {"description": "new"},
        {"notification_channels": ["ops"]},
        {"severity": "critical"},
    ]
    assert patch_at_once(api, rule, f"/api/v1/alert-rules/{rule.pk}/", *bodies) == [200] * 4
    rule.refresh_from_db()
    assert (rule.enabled, rule.description, rule.severity) == (False, "new", "critical")
    assert [channel.name for channel in rule.channels.all()] == ["ops"]


def test_edits_that_do_not_go_together_are_not_both_taken(api: ProjectClient) -> None:
    rule = make_rule(api)
    lower = {**rule.condition_config, "threshold": 50}
    bodies: list[dict[str, Any]] = [{"recovery_threshold": 70}, {"condition_config": lower}]
    assert sorted(patch_at_once(api, rule, f"/api/v1/alert-rules/{rule.pk}/", *bodies)) == [200, 400]


def test_an_edit_of_a_rule_deleted_meanwhile_is_not_found(api: ProjectClient) -> None:
    rule = make_rule(api)
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            Rule.objects.filter(pk=rule.pk).update(deleted_at=timezone.now())
            running = threads.submit(_patch, api, f"/api/v1/alert-rules/{rule.pk}/", {"enabled": False})
            _wait_for_waiting(1)
        assert running.result(timeout=30) == 404


def test_edits_of_different_fields_of_a_channel_are_both_kept(api: ProjectClient) -> None:
    channel = make_channel(api)
    bodies: list[dict[str, Any]] = [
        {"config": {"channel": "#new"}},
        {"config": {"bot_token": "xoxb-9876543210"}},
        {"enabled": False},
    ]
    assert patch_at_once(api, channel, f"/api/v1/notification-channels/{channel.pk}/", *bodies) == [200] * 3
    channel.refresh_from_db()
    assert channel.config == {"bot_token": "xoxb-9876543210", "channel": "#new"}
    assert not channel.enabled

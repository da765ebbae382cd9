"""What probes and scrapers are told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from alerting.health import pulses
from alerting.models import Notification, NotificationChannel, Rule
from projects.models import Project
from storage import writer
from telemetry_platform import leases, readiness, worker_lease
from telemetry_platform.beat import LEASE as BEAT_LEASE
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db


def test_health_needs_no_key_and_no_store(client: Client) -> None:
    for path in ("/health", "/health/"):
        assert client.get(path).json() == {"status": "ok"}


def test_ready_is_200_while_telemetry_can_be_taken_and_names_what_is_late(client: Client) -> None:
    answer = client.get("/ready")
    assert answer.status_code == 200
    checks = answer.json()["checks"]
    assert {checks[part] for part in ("database", "migrations", "queue", "valkey")} == {"ok"}
    assert checks["worker"] == checks["beat"] == "degraded"
    assert client.get("/ready?strict=1").status_code == 503


def test_strict_readiness_is_200_when_worker_and_beat_live(client: Client) -> None:
    worker_lease.renew()
    leases.take(BEAT_LEASE, "test", seconds=10)
    answer = client.get("/ready?strict=1")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


def test_ready_is_503_without_database_and_gives_no_reason_away(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.close()
    with monkeypatch.context() as away:
        away.setitem(connection.settings_dict, "HOST", "/nonexistent")
        answer = client.get("/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "down")
    assert answer["Retry-After"]
    assert "nonexistent" not in answer.content.decode()


@pytest.mark.parametrize(
    ("path", "status"), [("/health", 200), ("/health/", 200), ("/ready", 503), ("/metrics", 200)]
)
def test_probes_with_a_login_cookie_answer_while_the_database_is_away(
    client: Client, monkeypatch: pytest.MonkeyPatch, path: str, status: int
) -> None:
    client.force_login(User.objects.create_superuser("ada"))
    connection.close()
    with monkeypatch.context() as away:
        away.setitem(connection.settings_dict, "HOST", "/nonexistent")
        answer = client.get(path)
    assert answer.status_code == status


def test_ready_is_503_while_the_queue_is_full(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer.get_writer(), "max_queued_rows", 0)
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()["checks"]["queue"]) == (503, "down")


def test_valkey_away_only_degrades(client: Client, settings: Any) -> None:
    settings.REDIS_URL = "unix:///nonexistent"
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()["checks"]["valkey"]) == (200, "degraded")
    assert readiness.essential() == {"database": True, "migrations": True, "queue": True}


def test_metrics_count_what_was_stored_and_name_no_project(api: ProjectClient, client: Client) -> None:
    def stored() -> float:
        lines = client.get("/metrics").content.decode().splitlines()
        return sum(
            float(line.split()[-1])
            for line in lines
            if line.startswith('telemetry_events_total{signal="events"')
        )

    before = stored()
    api.post("/api/v1/events", {"events": [{"event_name": "x"}] * 3})
    assert stored() - before == 3
    text = client.get("/metrics").content.decode()
    assert "http_requests_total" in text
    assert api.project.slug not in text


def test_a_metrics_token_closes_the_page(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "secret"
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer wrong").status_code == 401
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer secret").status_code == 200


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_probes_take_no_other_method(path: str, method: str) -> None:
    answer = Client(enforce_csrf_checks=True).generic(method, path)
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert answer.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/api/docs/", "/api/schema/"])
def test_the_docs_answer_only_to_readers(client: Client, path: str) -> None:
    assert client.options(path).status_code == 405


def test_a_rule_that_is_claimed_but_never_evaluated_degrades_evaluation(
    client: Client, project: Project
) -> None:
    rule = Rule.objects.create(project=project, name="stuck", next_evaluation_at=timezone.now())
    assert client.get("/ready").json()["checks"]["evaluation"] == "ok"
    hour_ago = timezone.now() - timedelta(hours=1)
    Rule.objects.filter(pk=rule.pk).update(last_evaluated_at=hour_ago)
    assert client.get("/ready").json()["checks"]["evaluation"] == "degraded"
    Rule.objects.filter(pk=rule.pk).update(enabled=False)
    assert client.get("/ready").json()["checks"]["evaluation"] == "ok"


def test_unknown_paths_of_the_api_are_json(client: Client) -> None:
    answer = client.get("/api/v1/nothing/")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_tick_that_stalls_and_a_message_that_lies_there_degrade(client: Client, project: Project) -> None:
    now = timezone.now()
    pulses.beat("evaluation", now, duration_ms=1, detail={})
    channel = NotificationChannel.objects.create(project=project, name="ops", kind="slack")
    row = Notification.objects.create(
        project=project, channel=channel, purpose="test", next_attempt_at=now, created_at=now, dedup_key="x"
    )
    checks = client.get("/ready").json()["checks"]
    assert checks["evaluation"] == checks["delivery"] == "ok"
    pulses.beat("evaluation", now - timedelta(seconds=40), duration_ms=1, detail={})
    Notification.objects.filter(pk=row.pk).update(next_attempt_at=now - timedelta(minutes=2))
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    checks = answer.json()["checks"]
    assert checks["evaluation"] == checks["delivery"] == "degraded"

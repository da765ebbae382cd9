"""The heartbeat: heard outside while alerting works, silent when it stalls, its URL never seen."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_httpserver import HTTPServer

from alerting import tasks
from alerting.health import heartbeat
from alerting.models import Pulse
from projects.models import Project
from tests.admin import superuser_client
from tests.alerting.delivery_rows import make_channel, make_notification
from tests.alerting.receivers import dripping, tcp_server

pytestmark = pytest.mark.django_db

SECRET = "a-very-secret-token"


@pytest.fixture
def watcher(settings: Settings, httpserver: HTTPServer) -> HTTPServer:
    """The service outside, and a platform whose tick has just run."""
    settings.TELEMETRY_OUTBOUND_ALLOW = ("127.0.0.1",)
    settings.TELEMETRY_HEARTBEAT_URL = httpserver.url_for(f"/ping/{SECRET}")
    tasks.evaluate_due_rules()
    return httpserver


def detail() -> dict[str, str]:
    found: dict[str, str] = Pulse.objects.get(name="heartbeat").detail
    return found


def test_it_is_called_while_rules_are_evaluated_and_messages_go_out(watcher: HTTPServer) -> None:
    watcher.expect_oneshot_request(f"/ping/{SECRET}", method="POST").respond_with_data("ok")
    tasks.call_heartbeat()
    assert len(watcher.log) == 1
    assert detail()["error"] == detail()["held_back"] == ""
    assert detail()["called_at"]


def test_without_a_url_nothing_is_called_or_noted(watcher: HTTPServer, settings: Settings) -> None:
    settings.TELEMETRY_HEARTBEAT_URL = None
    tasks.call_heartbeat()
    assert watcher.log == []
    assert not Pulse.objects.filter(name="heartbeat").exists()


def test_a_tick_that_stalls_stops_the_calls_until_it_runs_again(watcher: HTTPServer) -> None:
    watcher.expect_request(f"/ping/{SECRET}").respond_with_data("ok")
    heartbeat.call(timezone.now())
    called_at = detail()["called_at"]
    Pulse.objects.filter(name="evaluation").update(last_at=timezone.now() - timedelta(seconds=40))
    heartbeat.call(timezone.now())
    assert detail()["held_back"] == "The last rule tick was 40 s ago."
    assert detail()["called_at"] == called_at
    assert len(watcher.log) == 1
    tasks.evaluate_due_rules()
    heartbeat.call(timezone.now())
    assert (len(watcher.log), detail()["held_back"]) == (2, "")


def test_a_message_that_nobody_delivers_stops_the_calls(watcher: HTTPServer, project: Project) -> None:
    channel = make_channel(project, "slack", {"webhook_url": "https://hooks.example/x"})
    make_notification(None, channel, next_attempt_at=timezone.now() - timedelta(minutes=6))
    heartbeat.call(timezone.now())
    assert watcher.log == []
    assert detail()["held_back"] == "A message was due 6 min ago and still waits."


def test_a_platform_whose_tick_never_ran_is_not_heard(watcher: HTTPServer) -> None:
    Pulse.objects.all().delete()
    heartbeat.call(timezone.now())
    assert watcher.log == []
    assert detail()["held_back"] == "The rule tick has not run yet."


def test_a_watcher_that_refuses_is_named_by_host_only(
    watcher: HTTPServer, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    watcher.expect_request(f"/ping/{SECRET}").respond_with_data("gone", status=404)
    heartbeat.call(timezone.now())
    assert detail()["error"] == "It answered 404."
    settings.TELEMETRY_OUTBOUND_ALLOW = ()
    heartbeat.call(timezone.now())
    assert detail()["error"].startswith("localhost is inside this network")
    page = superuser_client().get("/admin/alerting/health/").content.decode()
    assert "localhost is inside this network" in page
    # The receiver logs its own requests, as any web server does.
    logged = "".join(one.getMessage() for one in caplog.records if one.name != "werkzeug")
    for text in (page, logged, str(detail())):
        assert SECRET not in text


def test_a_redirect_is_not_followed(watcher: HTTPServer) -> None:
    headers = {"Location": watcher.url_for("/elsewhere")}
    watcher.expect_request(f"/ping/{SECRET}").respond_with_data("", status=302, headers=headers)
    heartbeat.call(timezone.now())
    assert detail()["error"] == "It answered 302."
    assert len(watcher.log) == 1


def test_a_watcher_that_hangs_holds_nobody_for_long(
    watcher: HTTPServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "TIMEOUT_SECONDS", 0.2)
    with tcp_server(dripping(b"HTTP/1.1 ")) as port:
        settings.TELEMETRY_HEARTBEAT_URL = f"http://127.0.0.1:{port}/{SECRET}"
        heartbeat.call(timezone.now())
    assert detail()["error"] == "127.0.0.1: no answer in time"

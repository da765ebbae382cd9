"""`manage.py up` as an operator meets it. One platform serves the whole module; each test leaves it running."""

from __future__ import annotations

import shlex
import signal
import time
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from urllib.parse import urlencode

import pytest

from tests.platform.running import PROGRAMS, READY_LINE, RunningPlatform, manage, wait_for
from tests.servers import make_home, remove_home

# One platform for all of them: pytest-xdist keeps a group in one process.
pytestmark = pytest.mark.xdist_group("up")

_WORKER_SEEN = "SELECT expires_at FROM telemetry_platform_lease WHERE name = 'worker'"
_MACHINE_EVERY = """
SELECT every FROM django_celery_beat_periodictask AS task
JOIN django_celery_beat_intervalschedule AS schedule ON schedule.id = task.interval_id
WHERE name = 'Read this machine'
"""
_EDIT = """
from django_celery_beat.models import IntervalSchedule, PeriodicTask
task = PeriodicTask.objects.get(name="Read this machine")
task.interval = IntervalSchedule.objects.create(every=1, period="seconds")
task.save()
"""


@pytest.fixture(scope="module")
def first_start() -> Iterator[tuple[RunningPlatform, str]]:
    """The platform, and what its first start printed."""
    home = make_home()
    platform = RunningPlatform(home, TELEMETRY_TICK_SECONDS="1")
    try:
        platform.start()
        yield platform, platform.console()
        assert platform.terminate() == 0
        assert platform.processes() == []
    finally:
        if platform.process and platform.is_running():
            platform.process.kill()
        wait_for(lambda: not platform.processes(), "the end of all processes")
        remove_home(home)


@pytest.fixture
def platform(first_start: tuple[RunningPlatform, str]) -> RunningPlatform:
    running, _ = first_start
    if not running.is_running():
        running.start()
    return running


@pytest.fixture
def key(first_start: tuple[RunningPlatform, str]) -> str:
    _, console = first_start
    return next(line.split()[-1] for line in console.splitlines() if line.startswith("  API key"))


@pytest.fixture(scope="module")
def edited(first_start: tuple[RunningPlatform, str]) -> None:
    """A periodic task has another interval than it was made with."""
    running, _ = first_start
    edit = manage("shell", "-c", _EDIT, TELEMETRY_HOME=str(running.home))
    assert edit.returncode == 0, edit.stderr


def test_the_printed_curl_line_stores_an_event(
    first_start: tuple[RunningPlatform, str], platform: RunningPlatform, key: str
) -> None:
    _, console = first_start
    line = next(line for line in console.splitlines() if line.startswith("  curl "))
    _, url, *options = shlex.split(line)
    values = dict.fromkeys(options[::2])
    assert set(values) == {"-H", "-d"}
    headers = dict(
        value.split(": ", 1) for flag, value in zip(options[::2], options[1::2], strict=True) if flag == "-H"
    )
    sent = urllib.request.Request(url, data=options[-1].encode(), headers=headers)
    with urllib.request.urlopen(sent, timeout=10) as response:
        assert response.status == 202
    results = platform.request("/api/v1/events/?event_name=hello", key=key).body["results"]
    assert [event["event_type"] for event in results] == ["first_steps"]


def test_the_printed_password_opens_the_admin(first_start: tuple[RunningPlatform, str]) -> None:
    running, console = first_start
    password = next(line.split()[-1] for line in console.splitlines() if line.startswith("  Password"))
    cookies = CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
    login = f"{running.url}/admin/login/?next=/admin/"
    browser.open(login, timeout=10).close()
    token = next(cookie.value for cookie in cookies if cookie.name == "csrftoken")
    form = {"username": "admin", "password": password, "csrfmiddlewaretoken": token or ""}
    with browser.open(login, data=urlencode(form).encode(), timeout=10) as response:
        assert response.url == f"{running.url}/admin/"


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_child_killed_by_sigkill_comes_back(platform: RunningPlatform, name: str, key: str) -> None:
    victim = wait_for(lambda: platform.child(name), f"{name} running")
    victim.kill()
    wait_for(lambda: f"{name} started again" in platform.console(), f"{name} started again")
    successor = wait_for(lambda: platform.child(name), f"{name} running again")
    assert successor.pid != victim.pid
    assert f"{name} ended (killed by SIGKILL)" in platform.console()
    platform.wait_until_ready()
    event = {"event_name": "after", "id": f"after-{name}"}
    assert platform.request("/api/v1/events", event, key).body["accepted"] == 1


def test_periodic_tasks_run_again_after_valkey_was_killed(platform: RunningPlatform, edited: None) -> None:
    wait_for(lambda: platform.query(_WORKER_SEEN), "a first run")
    victim = wait_for(lambda: platform.child("Valkey"), "Valkey running")
    victim.kill()
    wait_for(lambda: "Valkey started again" in platform.console(), "Valkey started again")
    last_seen = platform.query(_WORKER_SEEN)
    wait_for(lambda: platform.query(_WORKER_SEEN) > last_seen, "a run after the kill")


def test_a_command_joins_the_running_server(platform: RunningPlatform) -> None:
    server = wait_for(lambda: platform.child("PostgreSQL"), "PostgreSQL running")
    result = manage("showmigrations", "projects", TELEMETRY_HOME=str(platform.home))
    assert "[X] 0001_initial" in result.stdout
    assert server.is_running()


def test_a_second_start_waits_for_the_stop_is_quick_keeps_edits_and_shows_no_secrets(
    platform: RunningPlatform, edited: None
) -> None:
    stopping = platform.process
    assert stopping
    stopping.send_signal(signal.SIGTERM)
    wait_for(lambda: platform.console().rstrip().endswith("stopping"), "the stop under way")
    assert platform.start() < 20
    assert stopping.wait(1) == 0
    platform.wait_until_ready()
    assert platform.query(_MACHINE_EVERY) == 1
    assert "Password" not in platform.console()
    assert "tp_" not in platform.console()


def test_a_second_platform_on_the_same_data_is_refused(platform: RunningPlatform) -> None:
    result = manage("up", "--port", "1", TELEMETRY_HOME=str(platform.home))
    assert result.returncode == 1
    assert "already runs" in result.stderr
    assert platform.request("/ready").status == 200


def test_a_platform_whose_supervisor_was_killed_starts_again(platform: RunningPlatform, key: str) -> None:
    assert platform.process
    event = {"event_name": "kept", "id": f"kept-{time.time()}"}
    assert platform.request("/api/v1/events", event, key).body["accepted"] == 1
    platform.process.kill()
    platform.process.wait()
    platform.start()
    assert platform.request("/api/v1/events", event, key).body["duplicates"] == 1
    assert READY_LINE in platform.console()

from __future__ import annotations

import socket
import time

import pytest
from django.conf import settings
from django.db import connection
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from kombu.exceptions import OperationalError

from telemetry_platform import leases, tasks
from telemetry_platform.beat import LEASE, LeasedScheduler
from telemetry_platform.celery import SOCKET_TIMEOUT_SECONDS, app
from telemetry_platform.models import Lease

# The scheduler closes connections that it takes for stale, a test's transaction included.
pytestmark = pytest.mark.django_db(transaction=True)


class CountingScheduler(LeasedScheduler):
    """Notes what it sends in place of a broker."""

    sent: list[str]

    def apply_async(self, entry: object, **_: object) -> None:
        self.sent.append(str(getattr(entry, "name", "")))


def scheduler() -> CountingScheduler:
    # A name for each: both run in this one process.
    made = CountingScheduler(app=app, max_interval=1)
    made._holder += f":{id(made)}"
    made.sent = []
    return made


def expire_lease() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE telemetry_platform_lease SET expires_at = clock_timestamp() - interval '1 s'")


@pytest.fixture(autouse=True)
def due_task() -> None:
    each = IntervalSchedule.objects.create(every=1, period="hours")
    PeriodicTask.objects.create(name="due at once", task="nothing", interval=each, start_time=None)


def test_a_second_beat_sends_nothing_while_the_first_holds_the_lease() -> None:
    first, second = scheduler(), scheduler()
    first._take()
    assert second.tick() == second.max_interval
    assert second.sent == []


def test_another_beat_takes_over_when_the_lease_has_run_out() -> None:
    first, second = scheduler(), scheduler()
    assert first._take()
    expire_lease()
    second.tick()
    assert Lease.objects.get(name=LEASE).holder == second._holder


def test_a_beat_that_ends_lets_the_next_one_in_at_once() -> None:
    first, second = scheduler(), scheduler()
    assert first._take()
    first.close()
    assert second._take()


def test_a_lease_is_renewed_by_its_holder_only() -> None:
    assert leases.take("one", "ada", seconds=60)
    assert leases.take("one", "ada", seconds=60)
    assert not leases.take("one", "bob", seconds=60)
    leases.give_back("one", "bob")
    assert not leases.take("one", "bob", seconds=60)
    leases.give_back("one", "ada")
    assert leases.take("one", "bob", seconds=60)


def test_a_message_that_cannot_be_sent_does_not_end_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    beat = LeasedScheduler(app=app, max_interval=1)
    monkeypatch.setattr(app.conf, "broker_url", "redis+socket:///nonexistent/valkey.sock")
    entry = next(iter(beat.schedule.values()))
    beat.apply_entry(entry)


def test_shared_tasks_are_sent_to_the_configured_broker() -> None:
    assert tasks.record_host_metrics.app.conf.broker_url == settings.CELERY_BROKER_URL


def test_publishing_to_a_broker_that_never_answers_gives_up_within_seconds() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        broker = app.connection_for_write(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        began = time.monotonic()
        with pytest.raises(OperationalError), broker:
            app.send_task("nothing", connection=broker)
    assert time.monotonic() - began < 2 * SOCKET_TIMEOUT_SECONDS

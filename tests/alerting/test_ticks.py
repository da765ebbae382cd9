"""Ticks beside each other, and beside people; the tasks and commands that run them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from io import StringIO
from typing import Any, TypeVar

import pytest
from celery import Celery, current_app
from django.core.management import call_command
from django.db import DatabaseError, OperationalError, connection, connections, transaction
from django.utils import timezone

from alerting import actions
from alerting.bounds import bounded_transaction
from alerting.evaluation import evaluate_due
from alerting.evaluation.claim import claim_due
from alerting.hints import DELIVER, hint_delivery
from alerting.models import Alert, Rule, Transition
from alerting.tasks import deliver_due_notifications, evaluate_due_rules
from projects.models import Project
from tests.alerting.scenes import alerts, edit, make_rule, send_points, statuses, tick
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db(transaction=True)

T = TypeVar("T")
# Of this database alone: other test processes wait for locks on the same server.
WAITING = (
    "FROM pg_locks JOIN pg_database d ON d.oid = database WHERE NOT granted AND datname = current_database()"
)
NOW = timezone.now().replace(microsecond=0) - timedelta(minutes=30)


@pytest.fixture
def project(transactional_db: None) -> Project:
    return make_project("shop")


@pytest.fixture
def api(project: Project) -> ProjectClient:
    return client_of(project)


def tick_while(happening: Callable[[], Any], now: datetime) -> int:
    """A tick during which something happens after it claimed its rules; how many alerts it changed.

    The tick waits at the table of series, which is locked until what happens is committed.
    """
    Rule.objects.update(next_evaluation_at=now)
    # The pool is left last: its end waits for the tick, which waits for the commit.
    with ThreadPoolExecutor(1) as threads, transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE metric_series IN ACCESS EXCLUSIVE MODE")
        running = threads.submit(_evaluate, now)
        _wait_until_someone_waits_for_a_lock()
        happening()
    return running.result(timeout=30)


def _evaluate(now: datetime) -> int:
    try:
        return evaluate_due(now).change_count
    finally:
        connections.close_all()


def _wait_until_someone_waits_for_a_lock() -> None:
    deadline = time.monotonic() + 10
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(f"SELECT EXISTS (SELECT {WAITING})")
            if cursor.fetchone() == (True,):
                return
    pytest.fail("the tick never waited")


def in_threads(count: int, work: Callable[[], T]) -> list[T]:
    """Run the same at the same time; what each returned."""
    barrier = threading.Barrier(count)

    def run() -> T:
        try:
            barrier.wait(timeout=10)
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as threads:
        running = [threads.submit(run) for _ in range(count)]
        return [one.result(timeout=30) for one in running]


def test_ticks_at_the_same_time_evaluate_each_rule_once(api: ProjectClient) -> None:
    for number in range(20):
        make_rule(api, name=f"rule {number}")
    send_points(api, [90], NOW, host_name="web-1")
    Rule.objects.update(next_evaluation_at=NOW)
    ticks = in_threads(4, lambda: evaluate_due(NOW))
    assert sum(one.rule_count for one in ticks) == 20
    assert Alert.objects.count() == Transition.objects.count() == 20


def test_a_rule_that_another_process_holds_is_left_to_it(api: ProjectClient) -> None:
    held, free = make_rule(api, name="held"), make_rule(api, name="free")
    Rule.objects.update(next_evaluation_at=NOW)
    with transaction.atomic():
        Rule.objects.select_for_update().get(pk=held.pk)
        (claimed,) = in_threads(1, lambda: claim_due(NOW))
    assert [rule.id for rule in claimed] == [free.pk]


def test_a_rule_whose_process_died_is_due_again_at_its_next_slot(api: ProjectClient) -> None:
    make_rule(api, evaluation_interval_seconds=60)
    Rule.objects.update(next_evaluation_at=NOW)
    assert len(claim_due(NOW)) == 1
    assert evaluate_due(NOW + timedelta(seconds=59)).rule_count == 0
    assert evaluate_due(NOW + timedelta(seconds=60)).rule_count == 1


def test_an_acknowledgement_during_a_tick_is_not_overwritten(api: ProjectClient) -> None:
    make_rule(api)
    send_points(api, [90], NOW, host_name="web-1")
    tick(NOW)
    alert = Alert.objects.get()
    later = NOW + timedelta(seconds=60)
    send_points(api, [98], later, host_name="web-1")
    tick_while(lambda: actions.acknowledge(alert.pk, actor="ada", now=later), later)
    alert.refresh_from_db()
    assert (alert.status, alert.acknowledged_by, alert.value) == ("acknowledged", "ada", 94)


@pytest.mark.parametrize(
    "change", [{"enabled": False}, {"condition_config": {"metric": "x", "operator": ">", "threshold": 1}}]
)
def test_an_edit_during_a_tick_voids_its_evaluation(api: ProjectClient, change: dict[str, Any]) -> None:
    rule = make_rule(api)
    send_points(api, [90], NOW, host_name="web-1")
    assert tick_while(lambda: edit(api, rule, **change), NOW) == 0
    assert statuses(api) == {}


@pytest.mark.parametrize(
    "change", [{"enabled": False}, {"condition_config": {"metric": "x", "operator": ">", "threshold": 1}}]
)
def test_an_edit_during_a_tick_voids_its_error_too(api: ProjectClient, change: dict[str, Any]) -> None:
    rule = make_rule(api)
    send_points(api, [1.7e308, 1.7e308], NOW, host_name="web-1")
    assert tick_while(lambda: edit(api, rule, **change), NOW) == 0
    rule.refresh_from_db()
    assert (rule.health, rule.last_error) == ("unknown", "")


def test_a_rule_deleted_during_a_tick_opens_no_alert(api: ProjectClient) -> None:
    rule = make_rule(api)
    send_points(api, [90], NOW, host_name="web-1")
    assert tick_while(lambda: api.delete(f"/api/v1/alert-rules/{rule.pk}/"), NOW) == 0
    assert statuses(api) == {}


def test_a_connection_lost_while_measuring_blames_no_rule(api: ProjectClient) -> None:
    make_rule(api)
    with pytest.raises(DatabaseError):
        tick_while(_terminate_who_waits, NOW)
    rule = Rule.objects.get()
    assert (rule.health, rule.last_error) == ("unknown", "")


def _terminate_who_waits() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_terminate_backend(pid) {WAITING}")


def test_a_statement_that_takes_too_long_is_cancelled_and_later_ones_are_free_again() -> None:
    with connection.cursor() as cursor:
        with pytest.raises(OperationalError, match="statement timeout"), bounded_transaction(50):
            cursor.execute("SELECT pg_sleep(30)")
        cursor.execute("SELECT pg_sleep(0.1)")


def test_the_command_evaluates_once_and_says_what_it_did(api: ProjectClient) -> None:
    make_rule(api)
    send_points(api, [90], timezone.now(), host_name="web-1")
    out = StringIO()
    call_command("evaluate_rules", stdout=out)
    assert out.getvalue().startswith("1 rules evaluated in ")
    assert "1 alerts changed, 0 rules unhealthy" in out.getvalue()
    assert [alert["status"] for alert in alerts(api)] == ["firing"]


def test_the_task_evaluates_what_is_due(api: ProjectClient) -> None:
    make_rule(api)
    evaluate_due_rules()
    assert Rule.objects.get().health == "ok"


def test_without_a_broker_a_hint_is_only_lost() -> None:
    nowhere = Celery(broker="redis://127.0.0.1:1/0", set_as_current=False)
    nowhere.conf.broker_transport_options = current_app.conf.broker_transport_options
    started = time.monotonic()
    hint_delivery(nowhere)
    assert time.monotonic() - started < 2


def test_the_hint_names_a_task_that_workers_have() -> None:
    assert deliver_due_notifications.name == DELIVER


def test_the_summary_view_has_a_row_for_each_alert(api: ProjectClient) -> None:
    make_rule(api)
    send_points(api, [90], NOW, host_name="web-1")
    tick(NOW)
    actions.resolve(Alert.objects.get().pk, actor="ada", now=NOW + timedelta(seconds=90))
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM alerts_status_summary WHERE project_id = %s", [api.project.pk])
        assert [column.name for column in cursor.description or ()] == [
            "project_id",
            "status",
            "severity",
            "rule_name",
            "triggered_at",
            "acknowledged_at",
            "resolved_at",
            "duration_seconds",
        ]
        (row,) = cursor.fetchall()
    assert row[1:4] == ("resolved", "warning", "High CPU Usage")
    assert row[-1] == 90

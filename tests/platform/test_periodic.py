from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from telemetry_platform.environment import Environment, load
from telemetry_platform.periodic import ENTRIES, RULE_TICK, ensure_periodic_tasks

pytestmark = pytest.mark.django_db


def env(tmp_path: Path, **variables: str) -> Environment:
    return load({"TELEMETRY_HOME": str(tmp_path), **variables})


def every_seconds(name: str) -> float:
    interval = PeriodicTask.objects.get(name=name).interval
    assert interval
    return float(interval.schedule.run_every.total_seconds())


def test_a_fresh_database_gets_every_task_once(tmp_path: Path) -> None:
    for _ in range(2):
        ensure_periodic_tasks(env(tmp_path))
    found = dict(PeriodicTask.objects.values_list("name", "task"))
    assert found == {entry.name: entry.task for entry in ENTRIES}
    assert {entry.name: every_seconds(entry.name) for entry in ENTRIES} == {
        entry.name: entry.every_seconds for entry in ENTRIES
    }


def test_no_message_outlives_its_interval_by_much(tmp_path: Path) -> None:
    ensure_periodic_tasks(env(tmp_path))
    for task in PeriodicTask.objects.select_related("interval"):
        assert 1 <= task.expire_seconds <= max(1, every_seconds(task.name))


def test_what_people_edited_is_left_alone(tmp_path: Path) -> None:
    ensure_periodic_tasks(env(tmp_path))
    nightly = CrontabSchedule.objects.create(hour="2", minute="30")
    PeriodicTask.objects.filter(name="Purge expired data").update(interval=None, crontab=nightly)
    PeriodicTask.objects.filter(name="Read this machine").update(enabled=False, description="Not here.")
    slow = IntervalSchedule.objects.create(every=30, period="seconds")
    PeriodicTask.objects.filter(name=RULE_TICK).update(interval=slow)
    before = list(PeriodicTask.objects.order_by("pk").values())

    ensure_periodic_tasks(env(tmp_path))

    assert list(PeriodicTask.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("seconds", ["1", "0.5", "7"])
def test_the_tick_from_the_environment_wins_and_the_row_says_so(tmp_path: Path, seconds: str) -> None:
    ensure_periodic_tasks(env(tmp_path))
    for _ in range(2):
        ensure_periodic_tasks(env(tmp_path, TELEMETRY_TICK_SECONDS=seconds))
    assert every_seconds(RULE_TICK) == float(seconds)
    assert PeriodicTask.objects.get(name=RULE_TICK).description.count("TELEMETRY_TICK_SECONDS") == 1


def test_without_the_variable_the_row_no_longer_says_so(tmp_path: Path) -> None:
    ensure_periodic_tasks(env(tmp_path, TELEMETRY_TICK_SECONDS="1"))
    ensure_periodic_tasks(env(tmp_path))
    assert "TELEMETRY_TICK_SECONDS" not in PeriodicTask.objects.get(name=RULE_TICK).description
    assert every_seconds(RULE_TICK) == 1


def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", check=True, dry_run=True)

"""Jobs (see benchmarks.jobs) that run the platform's own code, as a child of its worker would."""

from __future__ import annotations

import io
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

_POLL_SECONDS = 0.2
_LONGEST_SECONDS = 1800.0


def _enter(environ: Mapping[str, str]) -> None:
    """Make this process one of the platform's; nothing of Django may be imported before."""
    import django

    os.environ.clear()
    os.environ.update(environ)
    django.setup()


def _again_until(is_done: Callable[[], bool], step: Callable[[], object]) -> None:
    """Take steps of a roll-up until it is there: one returns at once where the worker is at it."""
    ends_at = time.monotonic() + _LONGEST_SECONDS
    while not is_done():
        if time.monotonic() > ends_at:
            raise TimeoutError("the events are not rolled up in time")
        step()
        time.sleep(_POLL_SECONDS)


def prepare_ticks(environ: Mapping[str, str]) -> Callable[[], tuple[float, int, int]]:
    """One tick with every rule due: (seconds until its commit, rules evaluated, alerts changed)."""
    _enter(environ)
    from django.utils import timezone

    from alerting.evaluation import evaluate_due
    from alerting.models import Rule

    def tick() -> tuple[float, int, int]:
        now = timezone.now()
        Rule.objects.filter(enabled=True).update(next_evaluation_at=now)
        began = time.perf_counter()
        found = evaluate_due(now)
        return time.perf_counter() - began, found.rule_count, found.change_count

    return tick


def prepare_rules(
    environ: Mapping[str, str],
    make_rule: Callable[[int], dict[str, Any]],
    count: int,
    channel_name: str = "",
    spread_seconds: float = 0,
) -> Callable[[], int]:
    """Make the only enabled rules of the first project, due at moments spread over the next seconds."""
    _enter(environ)
    from django.utils import timezone

    from alerting.models import NotificationChannel, Rule
    from projects.models import ApiKey

    def make() -> int:
        project_id = ApiKey.objects.order_by("pk").values_list("project_id", flat=True)[0]
        Rule.objects.update(enabled=False)
        due, source = timezone.now(), random.Random(1)
        rules = [
            Rule(
                project_id=project_id,
                next_evaluation_at=due + timedelta(seconds=source.uniform(0, spread_seconds)),
                **make_rule(number),
            )
            for number in range(count)
        ]
        Rule.objects.bulk_create(rules)
        if channel := NotificationChannel.objects.filter(name=channel_name).first():
            channel.rules.set(rules)
        return len(rules)

    return make


def prepare_purge(environ: Mapping[str, str], events_days: int) -> Callable[[], object]:
    """`manage.py purge`, its start-up already paid and its roll-ups complete, as a worker keeps them."""
    prepare_roll_up(environ)()
    from django.core.management import call_command

    return lambda: call_command("purge", events_days=events_days, stdout=io.StringIO())


def prepare_roll_up(environ: Mapping[str, str]) -> Callable[[], None]:
    """Roll up to this hour what was stored in time; what is put into the days before it counts as late afterwards."""
    _enter(environ)
    from django.utils import timezone

    from events.records import EVENTS
    from storage.rollups import watermarks
    from telemetry_platform.rollups import roll_up

    def is_level() -> bool:
        (state,) = (one for one in watermarks.states() if one.raw_table == EVENTS.name)
        return state.closed_to >= timezone.now() - timedelta(hours=1) and not state.invalid_hours

    return lambda: _again_until(is_level, lambda: roll_up(timezone.now()))


def prepare_rebuild(environ: Mapping[str, str], first_day: str, table: str) -> Callable[[], object]:
    """`manage.py rebuild_rollups` of one table from this day on."""
    _enter(environ)
    from django.core.management import call_command

    return lambda: call_command("rebuild_rollups", "--from", first_day, "--only", table, stdout=io.StringIO())


def prepare_dashboard(
    environ: Mapping[str, str], project_id: int, start: datetime, end: datetime
) -> Callable[[], dict[str, list[int]]]:
    """The query of a dashboard: events by name and hour, one array a name."""
    _enter(environ)
    from events.queries import summary
    from storage.rollups.summaries import Question
    from storage.rollups.windows import Window

    question = Question(
        project_id=project_id,
        window=Window(start, end, timedelta(hours=1)),
        group_by=["event_name"],
        measures=["event_count"],
    )
    return lambda: {
        str(group.dimensions["event_name"]): group.measures["event_count"] for group in summary(question)
    }


def prepare_funnel(
    environ: Mapping[str, str], project_id: int, question: Mapping[str, object]
) -> Callable[[], list[int]]:
    """A funnel as the API answers it; how many reached each step."""
    _enter(environ)
    from analytics.funnels.answers import answer
    from analytics.funnels.parsing import parse_funnel

    funnel = parse_funnel(question)
    return lambda: [step["count"] for step in answer(project_id, funnel)["steps"]]


def prepare_journey(environ: Mapping[str, str], event_names: Sequence[str]) -> Callable[[], float]:
    """A journey of these milestones; the seconds that following it takes for what was stored since, once rolled up.

    The roll-up goes ahead of the clock, so nothing can be sent in time afterwards.
    """
    _enter(environ)
    from django.utils import timezone
    from django_celery_beat.models import PeriodicTask, PeriodicTasks

    from analytics.journeys import changes, upkeep
    from analytics.models.journeys import Journey, Milestone
    from events.records import EVENTS
    from projects.models import ApiKey
    from storage.connections import connect
    from storage.rollups import engine, watermarks

    project_id = ApiKey.objects.order_by("pk").values_list("project_id", flat=True)[0]
    journey = Journey.objects.create(project_id=project_id, slug="purchase", name="Purchase")
    for position, name in enumerate(event_names):
        Milestone.objects.create(
            journey=journey, position=position, key=name, name=name, matcher={"event_name": name}
        )
    upkeep.follow(timezone.now())
    # The worker would follow it while the roll-up is still at work.
    PeriodicTask.objects.filter(task__endswith=".follow_journeys").update(enabled=False)
    PeriodicTasks.update_changed()

    def follow() -> float:
        stored_to = timezone.now()
        ahead = stored_to + engine.LAG + timedelta(minutes=1)
        with connect() as connection:
            _again_until(
                lambda: watermarks.read(connection, EVENTS.name).closed_to >= stored_to,
                lambda: engine.advance(changes.event_rollup(), ahead, lambda: [project_id]),
            )
        if not changes.waiting():
            raise RuntimeError("the worker has followed the journey before")
        began = time.perf_counter()
        upkeep.follow(timezone.now())
        return time.perf_counter() - began

    return follow


def prepare_alerts(environ: Mapping[str, str], count: int) -> Callable[[], int]:
    """Firing alerts of one rule of the first project, each with labels of its own."""
    _enter(environ)
    from django.utils import timezone

    from alerting.models import Alert, Rule
    from projects.models import ApiKey

    def make() -> int:
        project_id = ApiKey.objects.order_by("pk").values_list("project_id", flat=True)[0]
        rule = Rule.objects.filter(project_id=project_id).order_by("pk")[0]
        now = timezone.now()
        alerts = [
            Alert(
                rule=rule,
                rule_name=rule.name,
                project_id=project_id,
                severity=rule.severity,
                fingerprint=f"{number:032x}",
                labels={"host_name": f"host-{number}"},
                status="firing",
                threshold=1,
                pending_since=now - timedelta(minutes=number),
                triggered_at=now - timedelta(minutes=number),
                last_evaluated_at=now,
            )
            for number in range(count)
        ]
        return len(Alert.objects.bulk_create(alerts))

    return make


def prepare_session(environ: Mapping[str, str]) -> Callable[[], str]:
    """Log the first superuser in, past the form; the session's key, as the cookie has it."""
    _enter(environ)
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.db import SessionStore

    def log_in() -> str:
        user = User.objects.filter(is_superuser=True).order_by("pk")[0]
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.create()
        return str(session.session_key)

    return log_in

"""When evaluation and delivery count as stalled; what the tick leaves behind for that."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from alerting import tasks
from alerting.evaluation import evaluate_due
from alerting.health import stalls
from alerting.health.heartbeat import forget_missed_slots
from alerting.health.stalls import Facts, delivery_stall, evaluation_stall
from alerting.models import MissedSlots, Notification, NotificationStatus, Pulse, Purpose, Rule
from projects.models import Project
from tests.alerting.delivery_rows import make_alert, make_channel, make_notification
from tests.alerting.scenes import make_rule
from tests.clients import ProjectClient

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def seen(
    tick_seconds_ago: float | None = 1,
    tick_every_seconds: float | None = 2,
    due_seconds_ago: float | None = None,
) -> Facts:
    return Facts(
        tick_at=None if tick_seconds_ago is None else NOW - tick_seconds_ago * SECOND,
        tick_every=None if tick_every_seconds is None else tick_every_seconds * SECOND,
        oldest_due_at=None if due_seconds_ago is None else NOW - due_seconds_ago * SECOND,
        late_message_at=None,
    )


EVALUATION = [
    ("a tick a moment ago", seen(), ""),
    ("a tick 30 s ago is no stall, however fast the ticks", seen(30), ""),
    ("a tick 31 s ago", seen(31), "The last rule tick was 31 s ago."),
    ("three slow ticks", seen(180, 60), ""),
    ("more than three slow ticks", seen(181, 60), "The last rule tick was 3 min ago."),
    ("a tick that is switched off", seen(1, None), "The rule tick is switched off."),
    ("no tick yet", seen(None), ""),
    ("no tick yet, and a rule waits", seen(None, due_seconds_ago=61), "A rule was due 1 min ago."),
    ("a rule that waits for its tick", seen(due_seconds_ago=60), ""),
    ("ticks that evaluate nothing", seen(due_seconds_ago=120), "A rule was due 2 min ago."),
    ("a clock that was ahead", seen(-3600), ""),
]


@pytest.mark.parametrize(
    ("facts", "said"), [row[1:] for row in EVALUATION], ids=[row[0] for row in EVALUATION]
)
def test_evaluation_stalls_when_ticks_end_or_rules_wait(facts: Facts, said: str) -> None:
    assert evaluation_stall(facts, NOW) == said


MESSAGES: list[tuple[str, dict[str, Any], timedelta, bool]] = [
    ("a fresh one", {}, timedelta(0), False),
    ("one of five minutes ago", {}, timedelta(minutes=6), True),
    ("one that waits for a retry", {"status": NotificationStatus.FAILED}, timedelta(minutes=-1), False),
    ("one whose retry nobody made", {"status": NotificationStatus.FAILED}, timedelta(minutes=6), True),
    ("a muted one", {"status": NotificationStatus.MUTED}, timedelta(minutes=-1), False),
    ("a muted one nobody looks at again", {"status": NotificationStatus.MUTED}, timedelta(minutes=6), True),
    ("one that was given up", {"status": NotificationStatus.GAVE_UP}, timedelta(minutes=6), False),
    ("a sent one", {"status": NotificationStatus.SENT}, timedelta(minutes=6), False),
]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "due_ago", "is_stall"), [row[1:] for row in MESSAGES], ids=[row[0] for row in MESSAGES]
)
def test_delivery_stalls_when_a_due_message_lies_there(
    project: Project, changes: dict[str, Any], due_ago: timedelta, is_stall: bool
) -> None:
    channel = make_channel(project, "slack", {"webhook_url": "https://hooks.example/x"})
    make_notification(None, channel, next_attempt_at=NOW - due_ago, **changes)
    said = delivery_stall(stalls.facts(NOW), NOW)
    assert said == ("A message was due 6 min ago and still waits." if is_stall else "")


@pytest.mark.django_db
def test_a_paused_channels_messages_are_not_late(project: Project) -> None:
    channel = make_channel(project, "slack", {"webhook_url": "https://hooks.example/x"})
    make_notification(None, channel, next_attempt_at=NOW - timedelta(hours=1))
    channel.paused_until = NOW + timedelta(minutes=1)
    channel.save()
    assert delivery_stall(stalls.facts(NOW), NOW) == ""


@pytest.mark.django_db
def test_a_message_behind_one_that_waits_for_its_retry_is_not_late(project: Project) -> None:
    channel = make_channel(project, "slack", {"webhook_url": "https://hooks.example/x"})
    for place in ({"channel": channel}, {"channel": None, "recipient": "ana@example.com"}):
        alert = make_alert(project)
        make_notification(alert, next_attempt_at=NOW + MINUTE, status=NotificationStatus.FAILED, **place)
        for purpose in (Purpose.UPDATE, Purpose.RESOLVED):
            make_notification(alert, purpose=purpose, next_attempt_at=NOW - 30 * MINUTE, **place)
    assert delivery_stall(stalls.facts(NOW), NOW) == ""
    Notification.objects.filter(purpose=Purpose.FIRING, channel=channel).update(status="sent")
    assert delivery_stall(stalls.facts(NOW), NOW) == "A message was due 30 min ago and still waits."


@pytest.mark.django_db
def test_the_tasks_leave_a_pulse_with_what_they_did(api: ProjectClient) -> None:
    make_rule(api)
    before = timezone.now()
    tasks.evaluate_due_rules()
    tasks.deliver_due_notifications()
    tasks.evaluate_due_rules()
    found = {pulse.name: pulse for pulse in Pulse.objects.all()}
    assert set(found) == {"evaluation", "delivery"}
    for pulse in found.values():
        assert pulse.last_at is not None
        assert pulse.last_at >= before
        assert (pulse.duration_ms or 0) > 0
    assert found["evaluation"].detail == {"rule_count": 0, "unhealthy_count": 0}


@pytest.mark.django_db
@pytest.mark.parametrize(("enabled", "expected"), [(True, 7 * SECOND), (False, None)])
def test_the_ticks_interval_is_that_of_its_periodic_task(enabled: bool, expected: timedelta | None) -> None:
    assert stalls.tick_every() == stalls.DEFAULT_TICK
    every = IntervalSchedule.objects.create(every=7, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.create(name="tick", task=stalls.TICK_TASK, interval=every, enabled=enabled)
    assert stalls.tick_every() == expected


@pytest.mark.django_db
def test_missed_slots_are_counted_by_rule_and_hour_and_kept_for_a_day(api: ProjectClient) -> None:
    late, punctual = make_rule(api, evaluation_interval_seconds=60), make_rule(api)
    for at, minutes_late in (
        (NOW, 10.5),
        (NOW + timedelta(minutes=30), 2.5),
        (NOW + timedelta(hours=1), 1.5),
    ):
        Rule.objects.filter(pk=late.pk).update(next_evaluation_at=at - timedelta(minutes=minutes_late))
        Rule.objects.filter(pk=punctual.pk).update(next_evaluation_at=at)
        evaluate_due(at)
    hours = MissedSlots.objects.filter(rule=late).order_by("hour")
    assert [(one.hour, one.count) for one in hours] == [(NOW, 12), (NOW + timedelta(hours=1), 1)]
    assert not MissedSlots.objects.filter(rule=punctual).exists()
    late.refresh_from_db()
    assert late.missed_evaluation_count == 13
    forget_missed_slots(NOW + timedelta(hours=25, minutes=30))
    assert [one.count for one in hours.all()] == [1]


@pytest.mark.parametrize(
    ("seconds_ago", "said"),
    [(None, ""), (120, ""), (121, "The last delivery that came to its end was 2 min ago.")],
)
def test_a_delivery_that_never_comes_to_its_end_is_a_stall(seconds_ago: int | None, said: str) -> None:
    at = None if seconds_ago is None else NOW - seconds_ago * SECOND
    assert delivery_stall(replace(seen(), delivery_at=at), NOW) == said

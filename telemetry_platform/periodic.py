"""Periodic tasks as rows of django-celery-beat: made when missing, then left to the people who edit them."""

from __future__ import annotations

from dataclasses import dataclass

from django_celery_beat.models import IntervalSchedule, PeriodicTask

from telemetry_platform.environment import Environment

RULE_TICK = "Evaluate due rules"


@dataclass(frozen=True, slots=True)
class PeriodicEntry:
    """A task that runs every so many seconds."""

    name: str
    task: str
    every_seconds: float
    description: str

    @property
    def expire_seconds(self) -> int:
        """Older messages are thrown away: after an outage one run is enough, not all the missed ones."""
        return max(1, int(self.every_seconds))


ENTRIES = (
    PeriodicEntry(
        RULE_TICK,
        "alerting.tasks.evaluate_due_rules",
        2,
        "Looks for rules that are due. The interval bounds how late a rule can be.",
    ),
    PeriodicEntry(
        "Deliver notifications",
        "alerting.tasks.deliver_due_notifications",
        10,
        "Sends what is due in the outbox: retries, and messages whose first hint was lost.",
    ),
    PeriodicEntry(
        "Call the heartbeat",
        "alerting.tasks.call_heartbeat",
        60,
        "Calls TELEMETRY_HEARTBEAT_URL, where one is set, while rules are evaluated and messages delivered.",
    ),
    PeriodicEntry(
        "Read this machine",
        "telemetry_platform.tasks.record_host_metrics",
        15,
        "Writes CPU, memory, disk, load and network of this machine as metric points.",
    ),
    PeriodicEntry(
        "Make partitions ahead",
        "telemetry_platform.tasks.make_partitions",
        3600,
        "Makes the partitions of the coming days.",
    ),
    PeriodicEntry(
        "Roll up",
        "telemetry_platform.tasks.roll_up",
        30,
        "Adds up what is older than a minute or two, and again what late data has changed.",
    ),
    PeriodicEntry(
        "Follow journeys",
        "telemetry_platform.tasks.follow_journeys",
        30,
        "Keeps who reached which milestone of a journey, and writes its metric points.",
    ),
    PeriodicEntry(
        "Record funnels",
        "telemetry_platform.tasks.record_funnels",
        60,
        "Writes the conversion of saved funnels as metric points, where that is switched on.",
    ),
    PeriodicEntry(
        "Measure features",
        "telemetry_platform.tasks.measure_features",
        60,
        "Writes how far features are taken up as metric points.",
    ),
    PeriodicEntry(
        "Measure experiments",
        "telemetry_platform.tasks.measure_experiments",
        60,
        "Writes what running experiments show so far as metric points.",
    ),
    PeriodicEntry(
        "Follow sessions",
        "telemetry_platform.tasks.follow_sessions",
        30,
        "Looks for sessions that are over, and writes how long they lasted as a metric point.",
    ),
    PeriodicEntry(
        "Forget old journeys",
        "analytics.tasks.forget_old_journeys",
        3600,
        "Deletes progress on journeys that are gone, or that had other milestones.",
    ),
    PeriodicEntry(
        "Work on jobs",
        "telemetry_platform.tasks.run_jobs",
        10,
        "Goes on with exports and other long work that people started, for 8 s at a time.",
    ),
    PeriodicEntry(
        "Purge expired data",
        "telemetry_platform.tasks.purge_expired",
        1800,
        "Drops what is older than its project's retention, a slice at a time.",
    ),
    PeriodicEntry(
        "Drop old ingest identities and receipts",
        "telemetry_platform.tasks.purge_ingest_memory",
        3600,
        "Forgets ids and idempotency keys that can no longer be repeated, what the page of sources showed, and results "
        "of jobs that are older than a day.",
    ),
)

_TICK_NOTE = "TELEMETRY_TICK_SECONDS is set and wins over the interval entered here at every start. "


def ensure_periodic_tasks(env: Environment) -> None:
    """Make the rows that are missing and change none that exist, except for the rule tick's interval.

    TELEMETRY_TICK_SECONDS, when set, wins over the row, and the row's description says so for as long as it does.
    """
    for entry in ENTRIES:
        PeriodicTask.objects.get_or_create(
            name=entry.name,
            defaults={
                "task": entry.task,
                "interval": _interval(entry.every_seconds),
                "expire_seconds": entry.expire_seconds,
                "description": entry.description,
            },
        )
    _apply_tick(env.tick_seconds)


def _apply_tick(tick_seconds: float | None) -> None:
    tick = PeriodicTask.objects.get(name=RULE_TICK)
    description = tick.description.removeprefix(_TICK_NOTE)
    if tick_seconds is not None:
        description = _TICK_NOTE + description
        tick.interval = _interval(tick_seconds)
        tick.crontab = tick.solar = tick.clocked = None
        tick.expire_seconds = max(1, int(tick_seconds))
    if tick_seconds is not None or description != tick.description:
        tick.description = description
        tick.save()


def _interval(seconds: float) -> IntervalSchedule:
    """The shared row of an interval; fractions of a second are kept as microseconds."""
    if seconds == int(seconds):
        every, period = int(seconds), IntervalSchedule.SECONDS
    else:
        every, period = round(seconds * 1_000_000), IntervalSchedule.MICROSECONDS
    # Not get_or_create: nothing keeps people from making the same interval twice.
    found = IntervalSchedule.objects.filter(every=every, period=period).order_by("pk").first()
    return found or IntervalSchedule.objects.create(every=every, period=period)

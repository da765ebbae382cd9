"""Jobs (see benchmarks.jobs) that run the platform's own code, as a child of its worker would."""

from __future__ import annotations

import io
import os
import random
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any


def _enter(environ: Mapping[str, str]) -> None:
    """Make this process one of the platform's; nothing of Django may be imported before."""
    import django

    os.environ.clear()
    os.environ.update(environ)
    django.setup()


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
    """`manage.py purge`, its start-up already paid."""
    _enter(environ)
    from django.core.management import call_command

    return lambda: call_command("purge", events_days=events_days, stdout=io.StringIO())

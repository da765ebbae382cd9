"""Which policy tells of an alert, to which channels besides the rule's own, and together with what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec
from django.contrib.postgres.aggregates import ArrayAgg

from alerting.models import NotificationPolicy
from alerting.policy.matchers import Facts, stored_match

EACH_ALONE = "..."
"""As the only name in `group_by`: every label set is a group of its own."""

DEFAULT_REPEAT_SECONDS = 14_400
"""How often an alert that no policy matches is told again, until somebody acts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy as stored."""

    id: int
    matchers: Sequence[str]
    group_by: Sequence[str]
    group_wait_seconds: int
    group_interval_seconds: int
    repeat_interval_seconds: int
    channel_ids: Sequence[int]


Policies = Mapping[int, Sequence[Policy]]
"""The enabled policies of each project, in the order in which they are tried."""


@dataclass(frozen=True, slots=True)
class Route:
    """How one alert is told. Without a policy alone, at once, and again every 4 hours: `group_key` is empty."""

    policy: Policy | None
    group_key: str

    @property
    def repeat_seconds(self) -> int:
        return self.policy.repeat_interval_seconds if self.policy else DEFAULT_REPEAT_SECONDS


def load(project_ids: Collection[int]) -> Policies:
    """One query."""
    found: dict[int, list[Policy]] = defaultdict(list)
    rows = NotificationPolicy.objects.filter(project__in=project_ids, enabled=True).annotate(
        channel_ids=ArrayAgg("channels", distinct=True, default=[])
    )
    for row in rows.order_by("position", "id"):
        found[row.project_id].append(
            Policy(
                id=row.pk,
                matchers=row.matchers,
                group_by=row.group_by,
                group_wait_seconds=row.group_wait_seconds,
                group_interval_seconds=row.group_interval_seconds,
                repeat_interval_seconds=row.repeat_interval_seconds,
                channel_ids=[pk for pk in row.channel_ids if pk is not None],
            )
        )
    return found


def route(policies: Sequence[Policy], facts: Facts, fingerprint: str) -> Route:
    """The first policy that matches. `fingerprint` is the alert's identity."""
    for policy in policies:
        if stored_match(policy.matchers, facts):
            return Route(policy, group_key(policy, facts, fingerprint))
    return Route(None, "")


def group_key(policy: Policy, facts: Facts, fingerprint: str) -> str:
    """The same for alerts that are told together: a hash of the policy and the values of its `group_by`."""
    if EACH_ALONE in policy.group_by:
        values: list[str] = [fingerprint]
    else:
        values = [facts.get(name, "") for name in policy.group_by]
    return blake2b(msgspec.json.encode([policy.id, *values]), digest_size=16).hexdigest()

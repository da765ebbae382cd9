"""What a policy, an inhibition rule or a window does, in a sentence for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from alerting.messages import duration_text
from alerting.models import InhibitionRule, NotificationPolicy
from alerting.policy.routing import EACH_ALONE


def policy_words(policy: NotificationPolicy, channel_names: Sequence[str]) -> str:
    """ "Alerts with severity="critical" also go to pager, in one message per rule: the first after 30 s, ..." """
    who = f"also go to {_listed(channel_names)}" if channel_names else "go to their rule's channels"
    if EACH_ALONE in policy.group_by:
        how = "each by itself"
    elif policy.group_by:
        how = f"in one message per {_listed(policy.group_by)}"
    else:
        how = "all in one message"
    repeat = policy.repeat_interval_seconds
    again = f"again every {_lasts(repeat)} until somebody acts" if repeat else "never again"
    return (
        f"{_which(policy.matchers)} {who}, {how}: the first after {_lasts(policy.group_wait_seconds)}, "
        f"changes after {_lasts(policy.group_interval_seconds)}, {again}."
    )


def inhibition_words(rule: InhibitionRule) -> str:
    equal = f" of the same {_listed(rule.equal_labels)}" if rule.equal_labels else ""
    source = " and ".join(rule.source_matchers)
    return f"{_which(rule.target_matchers)} keep quiet while one with {source}{equal} fires."


def _which(matchers: Sequence[str]) -> str:
    return f"Alerts with {' and '.join(matchers)}" if matchers else "All alerts"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _lasts(seconds: int) -> str:
    return duration_text(timedelta(seconds=seconds))

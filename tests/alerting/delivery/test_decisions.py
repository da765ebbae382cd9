from __future__ import annotations

from datetime import timedelta

import pytest

from alerting.channels import TransportError
from alerting.channels.errors import Scope
from alerting.delivery.decisions import outcome_of, reason_to_drop, retry_delay_seconds
from alerting.models import NotificationChannel, Purpose
from tests.alerting.delivery_rows import NOW


@pytest.mark.parametrize(
    ("attempt_count", "retry_after_seconds", "expected"),
    [
        (1, None, 5),
        (2, None, 10),
        (3, None, 20),
        (7, None, 320),
        (8, None, 600),
        (11, None, 600),
        (12, None, 600),
        (1, 30, 30),
        (8, 30, 30),
        (1, 0, 1),
        (1, -5, 1),
        (1, 1e9, 3600),
    ],
)
def test_delays_double_up_to_ten_minutes_and_the_other_side_may_choose(
    attempt_count: int, retry_after_seconds: float | None, expected: float
) -> None:
    assert retry_delay_seconds(attempt_count, retry_after_seconds) == expected


@pytest.mark.parametrize(
    ("permanent", "scope", "is_only_recipient", "purpose", "attempt_count", "expected"),
    [
        # permanent scope       only   purpose         attempts  status, breaks channel, ends lane
        (True, "channel", False, Purpose.FIRING, 1, ("gave_up", True, True)),
        (True, "recipient", False, Purpose.FIRING, 1, ("gave_up", False, False)),
        (True, "recipient", True, Purpose.FIRING, 1, ("gave_up", True, True)),
        (True, "platform", True, Purpose.FIRING, 1, ("gave_up", False, False)),
        (False, "channel", False, Purpose.FIRING, 1, ("failed", False, True)),
        (False, "recipient", False, Purpose.FIRING, 1, ("failed", False, False)),
        (False, "platform", False, Purpose.FIRING, 1, ("failed", False, True)),
        (False, "channel", False, Purpose.FIRING, 12, ("gave_up", False, True)),
        (False, "channel", False, Purpose.TEST, 1, ("gave_up", False, True)),
        (True, "channel", False, Purpose.TEST, 1, ("gave_up", True, True)),
    ],
)
def test_what_an_error_comes_to(
    *,
    permanent: bool,
    scope: Scope,
    is_only_recipient: bool,
    purpose: Purpose,
    attempt_count: int,
    expected: tuple[str, bool, bool],
) -> None:
    outcome = outcome_of(
        TransportError("no", permanent=permanent, scope=scope),
        purpose=purpose,
        attempt_count=attempt_count,
        is_only_recipient=is_only_recipient,
        is_redirected=False,
        now=NOW,
    )
    assert (outcome.status, outcome.breaks_channel, outcome.ends_lane) == expected
    assert (outcome.next_attempt_at is not None) == (outcome.status == "failed")
    assert (outcome.pauses_until is not None) == (outcome.ends_lane and not outcome.breaks_channel)


@pytest.mark.parametrize("scope", ["channel", "recipient"])
def test_a_place_of_a_rules_own_choice_never_breaks_the_channel(scope: Scope) -> None:
    outcome = outcome_of(
        TransportError("no", permanent=True, scope=scope),
        purpose=Purpose.FIRING,
        attempt_count=1,
        is_only_recipient=True,
        is_redirected=True,
        now=NOW,
    )
    assert (outcome.status, outcome.breaks_channel, outcome.ends_lane) == ("gave_up", False, False)


def test_a_retry_comes_after_what_the_other_side_asked_for() -> None:
    error = TransportError("slow down", permanent=False, retry_after_seconds=42)
    outcome = outcome_of(
        error,
        purpose=Purpose.FIRING,
        attempt_count=1,
        is_only_recipient=False,
        is_redirected=False,
        now=NOW,
    )
    assert outcome.next_attempt_at == outcome.pauses_until == NOW + timedelta(seconds=42)


OPEN = NotificationChannel(enabled=True)
DISABLED = NotificationChannel(enabled=False)
BROKEN = NotificationChannel(enabled=True, broken_at=NOW, broken_reason="Slack answered 404")


@pytest.mark.parametrize(
    ("purpose", "recipient", "attempt_count", "channel", "is_firing_sent", "expected"),
    [
        (Purpose.FIRING, "", 0, OPEN, False, ""),
        (Purpose.FIRING, "", 0, DISABLED, False, "disabled"),
        (Purpose.FIRING, "", 0, BROKEN, False, "broken: Slack answered 404"),
        (Purpose.FIRING, "", 0, None, False, "deleted"),
        (Purpose.FIRING, "ana@example.com", 0, None, False, ""),
        (Purpose.FIRING, "", 12, OPEN, False, "after 12 attempts"),
        (Purpose.RESOLVED, "", 0, OPEN, True, ""),
        (Purpose.RESOLVED, "", 0, OPEN, False, "firing message was not sent"),
        (Purpose.TEST, "", 0, OPEN, False, ""),
        (Purpose.TEST, "", 0, BROKEN, False, ""),
        (Purpose.TEST, "", 0, DISABLED, False, "disabled"),
    ],
)
def test_what_need_not_be_sent_any_more(
    *,
    purpose: Purpose,
    recipient: str,
    attempt_count: int,
    channel: NotificationChannel | None,
    is_firing_sent: bool,
    expected: str,
) -> None:
    reason = reason_to_drop(
        purpose=purpose,
        recipient=recipient,
        attempt_count=attempt_count,
        channel=channel,
        is_firing_sent=is_firing_sent,
    )
    assert expected in reason
    assert bool(expected) == bool(reason)

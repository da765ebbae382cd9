"""The state machine over more than one evaluation: outages, two severities, flapping, clocks that were wrong.

Numbers in brackets are lines of Prometheus' rule evaluation that the row restates: restart tolerance and grace period.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.state import (
    CLOCK_SLACK,
    FLAP_CALM,
    FLAP_FIRINGS,
    AlertState,
    Change,
    RuleState,
    Sample,
    advance,
)

T0 = datetime(2026, 1, 1, tzinfo=UTC)
HIGH, LOW, NO_DATA = Sample(90.0), Sample(50.0), Sample(None)
TWO_LEVELS = RuleState(operator=">", threshold=80, critical_threshold=95, severity="warning")
FLAPPING = RuleState(operator=">", threshold=80, flap_detection=True)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def pending(since: datetime, rule: RuleState) -> AlertState:
    return AlertState(
        status="pending", pending_since=since, last_evaluated_at=rule.last_evaluated_at or since
    )


OUTAGES = [
    # (for, minutes it was pending before, minutes away, minutes until it fires after)
    ("three missed slots count: the condition held at both ends", 10, 2, 4, 4),
    ("an outage is left out", 8, 2, 30, 6),
    ("a rule that waits longer than 10 min waits 10 more at least", 20, 15, 30, 10),
    ("and its whole rest where that is more", 30, 5, 30, 25),
    ("after more than an hour all begins again", 8, 6, 61, 8),
    ("what had waited long enough before the outage fires at once", 8, 8, 30, 0),
]


@pytest.mark.parametrize(
    ("for_minutes", "held", "away", "rest"), [row[1:] for row in OUTAGES], ids=[row[0] for row in OUTAGES]
)
def test_a_pending_alert_after_an_outage(*, for_minutes: int, held: int, away: int, rest: int) -> None:
    rule = RuleState(operator=">", threshold=80, for_seconds=for_minutes * 60, last_evaluated_at=at(held))
    state: AlertState | None = pending(T0, rule)
    back = held + away
    fired_at = None
    for minute in range(back, back + 60):
        state, change = advance(state, HIGH, rule, at(minute))
        rule = replace(rule, last_evaluated_at=at(minute))
        if change and change.to_status == "firing":
            fired_at = minute
            break
    assert fired_at == back + rest


def test_the_slots_of_a_slow_rule_are_no_outages() -> None:
    rule = RuleState(
        operator=">", threshold=80, for_seconds=7200, evaluation_interval_seconds=3600, last_evaluated_at=T0
    )
    state: AlertState | None = pending(T0, rule)
    for hour in (1, 2):
        state, change = advance(state, HIGH, rule, at(60 * hour))
        rule = replace(rule, last_evaluated_at=at(60 * hour))
    assert change
    assert change.to_status == "firing"


def test_an_outage_changes_nothing_for_an_alert_that_fired() -> None:
    rule = RuleState(operator=">", threshold=80, for_seconds=600, last_evaluated_at=at(0))
    firing = AlertState(status="firing", pending_since=at(-20), triggered_at=at(-10), last_evaluated_at=at(0))
    after, change = advance(firing, HIGH, rule, at(120))
    assert after
    assert (after.status, after.pending_since, change) == ("firing", at(-20), None)


def run(
    rule: RuleState, samples: Sequence[Sample], state: AlertState | None = None
) -> list[tuple[AlertState | None, Change | None]]:
    """One evaluation a minute; an alert that resolved counts for flapping."""
    steps = []
    firings: list[datetime] = []
    for minute, sample in enumerate(samples):
        before = None if state and state.status == "resolved" else state
        state, change = advance(before, sample, rule, at(minute), firings)
        if change and change.to_status == "firing":
            firings.append(at(minute))
        steps.append((state, change))
    return steps


LEVELS = [
    (
        "past the critical threshold a firing alert is raised once",
        [90, 97, 98],
        [("", "firing"), ("warning", "critical"), None],
    ),
    ("it opens as critical where the first value is that bad", [97], [("", "firing")]),
    (
        "below it goes back to the rule's severity, and up again",
        [97, 90, 97],
        [("", "firing"), ("critical", "warning"), ("warning", "critical")],
    ),
    ("it resolves as one alert", [97, 50], [("", "firing"), ("firing", "resolved")]),
    ("no data changes no severity, whatever it means", [97, None], [("", "firing"), None]),
]


@pytest.mark.parametrize(
    ("values", "changes"), [row[1:] for row in LEVELS], ids=[str(row[0]) for row in LEVELS]
)
def test_two_thresholds_in_one_rule(
    values: list[float | None], changes: list[tuple[str, str] | None]
) -> None:
    for rule in (TWO_LEVELS, replace(TWO_LEVELS, no_data="alert")):
        made = [change for _, change in run(rule, [Sample(value) for value in values])]
        assert [(one.from_status, one.to_status) if one else None for one in made] == changes


def test_an_acknowledged_alert_is_raised_too_and_stays_acknowledged() -> None:
    state, change = advance(
        AlertState(status="acknowledged", pending_since=T0, triggered_at=T0, last_evaluated_at=T0),
        Sample(97.0),
        TWO_LEVELS,
        at(1),
    )
    assert state
    assert (state.status, state.is_critical) == ("acknowledged", True)
    assert change == Change("warning", "critical", "97 > 95", "severity")


def test_a_pending_alert_fires_with_the_severity_of_its_last_value() -> None:
    rule = replace(TWO_LEVELS, for_seconds=120)
    steps = run(rule, [Sample(97.0), Sample(90.0), Sample(90.0)])
    state, change = steps[-1]
    assert state
    assert (state.status, state.is_critical) == ("firing", False)
    assert change
    assert change.kind == "status"


def test_an_alert_that_keeps_coming_says_so_once_and_stays_until_it_was_calm() -> None:
    calm = int(FLAP_CALM.total_seconds() // 60)
    steps = run(FLAPPING, [HIGH, LOW] * FLAP_FIRINGS + [HIGH, LOW] * 3 + [LOW] * (calm + 1))
    changes = [change for _, change in steps if change]
    notices = [change for change in changes if "flapping" in change.reason]
    assert len([change for change in changes if change.to_status == "firing"]) == FLAP_FIRINGS
    assert [change.to_status for change in notices] == ["firing"]
    assert changes[-1].to_status == "resolved"
    fired = max(minute for minute, (_, change) in enumerate(steps) if change and change.to_status == "firing")
    resolved = max(minute for minute, (_, change) in enumerate(steps) if change)
    assert resolved - fired >= calm


def test_without_flap_detection_every_firing_is_told() -> None:
    steps = run(replace(FLAPPING, flap_detection=False), [HIGH, LOW] * 10)
    assert len([change for _, change in steps if change]) == 20


def test_firings_before_the_window_do_not_count() -> None:
    _, change = advance(None, HIGH, FLAPPING, at(60), [at(0), at(10), at(20), at(29)])
    assert change
    assert "flapping" not in change.reason


def test_a_watermark_of_a_clock_that_was_ahead_binds_nobody() -> None:
    ahead = at(0) + CLOCK_SLACK + timedelta(minutes=5)
    rule = RuleState(operator=">", threshold=80, last_evaluated_at=ahead)
    state, change = advance(None, HIGH, rule, at(0))
    assert state
    assert change
    former = replace(state, pending_since=ahead, last_evaluated_at=ahead)
    _, change = advance(former, LOW, replace(rule, last_evaluated_at=None), at(1))
    assert change
    assert change.to_status == "resolved"


def test_a_pending_alert_of_a_clock_that_was_ahead_waits_from_now() -> None:
    rule = RuleState(operator=">", threshold=80, for_seconds=120)
    state: AlertState | None = pending(at(300), rule)
    fired = None
    for minute in range(5):
        state, change = advance(state, HIGH, rule, at(minute))
        fired = minute if change and fired is None else fired
    assert fired == 2


@settings(deadline=None)
@given(
    values=st.lists(st.sampled_from([50.0, 75.0, 90.0, 97.0, None]), min_size=1, max_size=60),
    recovery=st.sampled_from([None, 70.0]),
    has_flap_detection=st.booleans(),
    for_seconds=st.sampled_from([0, 120]),
)
def test_severity_always_follows_the_value_and_firing_is_told_once_an_episode(
    *, values: list[float | None], recovery: float | None, has_flap_detection: bool, for_seconds: int
) -> None:
    rule = replace(
        TWO_LEVELS,
        recovery_threshold=recovery,
        flap_detection=has_flap_detection,
        for_seconds=for_seconds,
    )
    severity, is_firing = "", False
    for value, (state, change) in zip(values, run(rule, [Sample(one) for one in values]), strict=True):
        if change and change.kind == "severity":
            assert change.from_status == severity
            severity = change.to_status
        elif change and change.to_status == "firing":
            assert not is_firing
            is_firing, severity = True, "critical" if state and state.is_critical else "warning"
        elif change and change.to_status == "resolved":
            assert is_firing
            is_firing = False
        if is_firing and state and value is not None and value > 80:
            assert severity == ("critical" if value > 95 else "warning")

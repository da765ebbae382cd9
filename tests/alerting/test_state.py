"""The state machine, one row per line of Prometheus' rules that applies here."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.state import AlertState, AlertStatus, Change, RuleState, Sample, advance
from alerting.values import format_number

T0 = datetime(2026, 1, 1, tzinfo=UTC)
HIGH, LOW, BETWEEN = Sample(90.0), Sample(50.0), Sample(75.0)
NO_DATA, STALE = Sample(None), Sample(None, stale=True)
RULE = RuleState(operator=">", threshold=80)
FOR = replace(RULE, for_seconds=60)
KEEP_FIRING = replace(RULE, keep_firing_for_seconds=60)
RECOVERY = replace(RULE, recovery_threshold=70)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def alert(status: AlertStatus, **fields: Any) -> AlertState:
    fired = None if status == "pending" else T0
    defaults: dict[str, Any] = {"pending_since": T0, "last_evaluated_at": T0, "triggered_at": fired}
    return AlertState(status=status, **(defaults | {"value": 85.0, "peak_value": 85.0} | fields))


PENDING, FIRING, ACKNOWLEDGED = alert("pending"), alert("firing"), alert("acknowledged")
SUPPRESSED = alert("resolved", resolved_at=T0, suppressed_until=at(3600))
STAYS = "stays"

STEPS = [
    ("for = 0 fires in the same evaluation", None, HIGH, RULE, 10, "firing", ("", "firing")),
    ("a condition that is false opens nothing", None, LOW, RULE, 10, None, None),
    ("for > 0 waits as pending", None, HIGH, FOR, 10, "pending", ("", "pending")),
    (
        "pending fires once the condition held for_seconds",
        PENDING,
        HIGH,
        FOR,
        60,
        "firing",
        ("pending", "firing"),
    ),
    ("pending waits while the condition held too short", PENDING, HIGH, FOR, 59, "pending", None),
    ("a pending that clears vanishes without a word", PENDING, LOW, FOR, 30, None, None),
    ("firing goes on while the condition holds", FIRING, HIGH, RULE, 60, "firing", None),
    (
        "firing resolves when the condition is false",
        FIRING,
        LOW,
        RULE,
        60,
        "resolved",
        ("firing", "resolved"),
    ),
    (
        "acknowledged resolves by itself when the condition is false",
        *(ACKNOWLEDGED, LOW, RULE, 60, "resolved", ("acknowledged", "resolved")),
    ),
    ("acknowledged stays so while the condition holds", ACKNOWLEDGED, HIGH, RULE, 60, "acknowledged", None),
    ("keep_firing_for keeps an alert that cleared", FIRING, LOW, KEEP_FIRING, 60, "firing", None),
    (
        "keep_firing_for ends",
        *(alert("firing", keep_firing_since=at(0)), LOW, KEEP_FIRING, 60, "resolved", ("firing", "resolved")),
    ),
    ("between threshold and recovery a firing alert stays", FIRING, BETWEEN, RECOVERY, 60, "firing", None),
    (
        "past the recovery threshold it resolves",
        FIRING,
        LOW,
        RECOVERY,
        60,
        "resolved",
        ("firing", "resolved"),
    ),
    ("between threshold and recovery nothing opens", None, BETWEEN, RECOVERY, 60, None, None),
    ("between threshold and recovery a pending one clears", PENDING, BETWEEN, RECOVERY, 60, None, None),
    (
        "a longer for never takes a fired alert back",
        *(FIRING, HIGH, replace(RULE, for_seconds=900), 60, "firing", None),
    ),
    ("no data keeps a firing alert", FIRING, NO_DATA, RULE, 60, STAYS, None),
    ("no data keeps a pending alert pending, however long", PENDING, NO_DATA, FOR, 999, STAYS, None),
    ("no data opens nothing under keep", None, NO_DATA, RULE, 60, None, None),
    (
        "no data resolves under ok",
        *(FIRING, NO_DATA, replace(RULE, no_data="ok"), 60, "resolved", ("firing", "resolved")),
    ),
    ("no data clears a pending alert under ok", PENDING, NO_DATA, replace(FOR, no_data="ok"), 60, None, None),
    (
        "no data opens under alert",
        None,
        NO_DATA,
        replace(RULE, no_data="alert"),
        60,
        "firing",
        ("", "firing"),
    ),
    (
        "no data lets a pending alert fire under alert",
        *(PENDING, NO_DATA, replace(FOR, no_data="alert"), 60, "firing", ("pending", "firing")),
    ),
    ("a stale marker opens nothing under alert", None, STALE, replace(RULE, no_data="alert"), 60, None, None),
    *(
        (
            f"a stale marker resolves under {policy}",
            *(FIRING, STALE, replace(KEEP_FIRING, no_data=policy), 60, "resolved", ("firing", "resolved")),
        )
        for policy in ("keep", "ok", "alert")
    ),
    ("a stale marker clears a pending alert", PENDING, STALE, FOR, 60, None, None),
    ("an evaluation at the alert's last one is ignored", FIRING, LOW, RULE, 0, STAYS, None),
    ("an evaluation before the alert's last one is ignored", FIRING, LOW, RULE, -1, STAYS, None),
    (
        "an evaluation at the rule's watermark is ignored",
        *(None, HIGH, replace(RULE, last_evaluated_at=at(60)), 60, None, None),
    ),
    ("a resolve by hand suppresses while the condition holds", SUPPRESSED, HIGH, RULE, 60, STAYS, None),
    ("and no data doesn't lift it", SUPPRESSED, NO_DATA, RULE, 60, STAYS, None),
    (
        "a new episode opens after the suppression's time",
        SUPPRESSED,
        HIGH,
        RULE,
        3600,
        "firing",
        ("", "firing"),
    ),
    ("NaN is above nothing", FIRING, Sample(float("nan")), RULE, 60, "resolved", ("firing", "resolved")),
]


@pytest.mark.parametrize(
    ("before", "sample", "rule", "seconds", "status", "change"),
    [row[1:] for row in STEPS],
    ids=[row[0] for row in STEPS],
)
def test_one_evaluation(
    *,
    before: AlertState | None,
    sample: Sample,
    rule: RuleState,
    seconds: float,
    status: str | None,
    change: tuple[str, str] | None,
) -> None:
    after, made = advance(before, sample, rule, at(seconds))
    if status == STAYS:
        assert after is before
    else:
        assert (after.status if after else None) == status
    assert ((made.from_status, made.to_status) if made else None) == change


def test_a_false_evaluation_lifts_the_suppression_of_a_resolve_by_hand() -> None:
    lifted, change = advance(SUPPRESSED, LOW, RULE, at(60))
    assert lifted == replace(SUPPRESSED, suppressed_until=None)
    assert change is None
    again, change = advance(lifted, HIGH, RULE, at(120))
    assert again
    assert (again.status, again.pending_since) == ("firing", at(120))
    assert change == Change("", "firing", "90 > 80")


def test_a_true_evaluation_resets_the_keep_firing_clock() -> None:
    kept, _ = advance(FIRING, LOW, KEEP_FIRING, at(60))
    held, _ = advance(kept, HIGH, KEEP_FIRING, at(90))
    assert held
    assert held.keep_firing_since is None
    still, _ = advance(held, LOW, KEEP_FIRING, at(130))
    assert still
    assert (still.status, still.keep_firing_since) == ("firing", at(130))


def test_firing_again_is_a_new_pending_with_a_new_time() -> None:
    resolved, _ = advance(FIRING, LOW, FOR, at(60))
    again, change = advance(None, HIGH, FOR, at(90))
    assert resolved
    assert again
    assert (resolved.resolved_at, again.pending_since) == (at(60), at(90))
    assert change
    assert change.to_status == "pending"


@pytest.mark.parametrize(("operator", "peak"), [(">", 99.0), ("<", 81.0)])
def test_the_peak_is_the_worst_value(operator: Any, peak: float) -> None:
    rule = RuleState(operator=operator, threshold=80 if operator == ">" else 100)
    state = None
    for seconds, value in enumerate([90.0, 99.0, 81.0, 85.0]):
        state, _ = advance(state, Sample(value), rule, at(seconds))
    assert state
    assert (state.value, state.peak_value) == (85.0, peak)


@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        (Sample(95.234), "95.23 > 80"),
        (
            Sample(1200.0, remark="maximum of the given percentiles"),
            "1200 > 80 (maximum of the given percentiles)",
        ),
    ],
)
def test_the_reason_says_value_and_threshold(sample: Sample, reason: str) -> None:
    _, change = advance(None, sample, RULE, at(1))
    assert change
    assert change.reason == reason


@pytest.mark.parametrize(
    ("value", "text"),
    [(80.0, "80"), (95.2349, "95.23"), (0.02134, "0.02134"), (123456.78, "123456.8"), (1e20, "1e+20")],
)
def test_numbers_are_written_for_people(value: float, text: str) -> None:
    assert format_number(value) == text


SAMPLES = st.sampled_from([HIGH, LOW, BETWEEN, NO_DATA, STALE])
RULES = st.builds(
    RuleState,
    operator=st.just(">"),
    threshold=st.just(80.0),
    recovery_threshold=st.sampled_from([None, 70.0]),
    for_seconds=st.sampled_from([0, 60, 120]),
    keep_firing_for_seconds=st.sampled_from([0, 60]),
    no_data=st.sampled_from(["keep", "ok", "alert"]),
)
ALLOWED = {
    ("", "pending"),
    ("", "firing"),
    ("pending", "firing"),
    ("firing", "resolved"),
}


@settings(deadline=None)
@given(rule=RULES, samples=st.lists(SAMPLES, max_size=30))
def test_every_run_takes_only_allowed_steps_and_never_tells_twice(
    rule: RuleState, samples: list[Sample]
) -> None:
    state: AlertState | None = None
    for position, sample in enumerate(samples):
        now = at(60 * (position + 1))
        before = state.status if state and state.status != "resolved" else ""
        state, change = advance(state, sample, rule, now)
        after = state.status if state and state.status != "resolved" else ""
        if change:
            assert (change.from_status, change.to_status) in ALLOWED
            assert change.from_status == before
        else:
            assert after == before or (before, after) == ("pending", "")
        if change and change.to_status == "firing" and state:
            assert now - state.pending_since >= timedelta(seconds=rule.for_seconds)
        # The same evaluation again changes nothing.
        assert advance(state, sample, replace(rule, last_evaluated_at=now), now) == (state, None)

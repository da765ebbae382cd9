"""Steps, sums and candidate thresholds, without a database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.backtest.curve import thresholds
from alerting.backtest.period import MAX_EVALUATIONS, period_of
from alerting.backtest.tally import Stretch, Sum, Tally
from alerting.state import AlertState, Change, Operator, RuleState

NOW = datetime(2026, 3, 2, 0, 30, tzinfo=UTC)
WEB: tuple[tuple[str, str], ...] = (("host_name", "web-1"),)
FIRED = AlertState(status="firing", pending_since=NOW, last_evaluated_at=NOW, value=96)


def test_an_alert_over_midnight_counts_its_minutes_on_both_days_and_its_fire_on_the_first() -> None:
    tally = Tally()
    tally.note(NOW - timedelta(hours=1), WEB, FIRED, Change("", "firing", "96 > 80"))
    tally.note(NOW - timedelta(minutes=10), WEB, FIRED, Change("firing", "resolved", "12 is no longer > 80"))
    tally.close(NOW)
    assert tally.by_day(NOW - timedelta(hours=25), NOW) == {
        date(2026, 2, 28): Sum(),
        date(2026, 3, 1): Sum(fires=1, messages=1, minutes_firing=30),
        date(2026, 3, 2): Sum(messages=1, minutes_firing=20),
    }
    assert tally.total() == Sum(fires=1, messages=2, minutes_firing=50)


def test_a_pending_alert_that_vanishes_is_a_stretch_and_nothing_else() -> None:
    tally = Tally()
    tally.note(NOW - timedelta(minutes=5), WEB, FIRED, Change("", "pending", "96 > 80"))
    tally.note(NOW - timedelta(minutes=3), WEB, None, None)
    tally.close(NOW)
    assert [(one.status, one.end - one.start) for one in tally.stretches] == [
        ("pending", timedelta(minutes=2))
    ]
    assert tally.total() == Sum()


def test_a_rise_to_critical_is_a_message_and_the_way_back_is_none() -> None:
    tally = Tally()
    tally.note(NOW - timedelta(minutes=5), WEB, FIRED, Change("", "firing", ""))
    tally.note(NOW - timedelta(minutes=4), WEB, FIRED, Change("warning", "critical", "", "severity"))
    tally.note(NOW - timedelta(minutes=3), WEB, FIRED, Change("critical", "warning", "", "severity"))
    tally.close(NOW)
    assert tally.total() == Sum(fires=1, messages=2, minutes_firing=5)


@given(minutes=st.integers(1, 500_000), interval_seconds=st.integers(1, 100_000))
def test_a_period_never_has_more_evaluations_than_allowed_and_keeps_to_the_interval(
    minutes: int, interval_seconds: int
) -> None:
    period = period_of(NOW - timedelta(minutes=minutes), NOW, interval_seconds, NOW)
    moments = list(period.moments())
    assert len(moments) == period.evaluation_count <= MAX_EVALUATIONS
    assert moments[0] == period.start
    assert NOW - timedelta(seconds=period.step_seconds) < moments[-1] <= NOW
    assert period.step_seconds % interval_seconds == 0


@pytest.mark.parametrize(
    ("operator", "beyond"), [(">", max), (">=", max), ("<", min), ("<=", min), ("==", None), ("!=", None)]
)
@given(values=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=50))
def test_thresholds_enclose_what_was_measured_and_hold_the_rules_own(
    operator: Operator, beyond: object, values: list[float]
) -> None:
    rule = RuleState(operator=operator, threshold=80)
    found = thresholds(values, rule)
    if beyond is None:
        assert found == []
        return
    assert found == sorted(set(found))
    assert 80 in found
    assert len(found) <= 22
    assert found[-1] >= max(values) if beyond is max else found[0] <= min(values)


def test_there_are_no_thresholds_without_numbers() -> None:
    assert thresholds([], RuleState(operator=">", threshold=80)) == []


def test_days_are_those_of_the_readers_calendar_and_as_long_as_its_clocks_make_them() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    # That Sunday has 23 hours there, from 23:00 to 22:00 UTC.
    start, end = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 30, 12, tzinfo=UTC)
    tally = Tally()
    tally.stretches.append(Stretch(WEB, "firing", start, end))
    minutes = {str(day): total.minutes_firing for day, total in tally.by_day(start, end, berlin).items()}
    assert minutes == {"2026-03-28": 11 * 60, "2026-03-29": 23 * 60, "2026-03-30": 14 * 60}

"""Now against earlier."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from alerting.rule_types.change import RULE_TYPE, ChangeCondition, changed
from tests.alerting.rule_types.telemetry import make, refused, send_spans
from tests.alerting.scenes import alerts, send_business, send_events, send_points, statuses, tick, timeline
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0) - timedelta(minutes=30)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("compared_to", "earlier", "words"),
    [
        ("window_before", timedelta(minutes=5), "the window before"),
        ("day_ago", DAY, "a day ago"),
        ("week_ago", 7 * DAY, "a week ago"),
    ],
)
def test_events_fell_to_half(api: ProjectClient, compared_to: str, earlier: timedelta, words: str) -> None:
    condition = {"event_name": "paid", "operator": "<=", "threshold": -50, "compared_to": compared_to}
    make(api, "change", "telemetry_event", condition)
    send_events(api, 10, NOW - earlier, event_name="paid")
    send_events(api, 5, NOW, event_name="paid")
    tick(NOW)
    (alert,) = alerts(api)
    assert alert["value"] == -50
    assert timeline(api, alert["id"])[0][-1] == f"-50 % <= -50 % (5 now, 10 {words})"


@pytest.mark.parametrize("source", ["system_metric", "business_metric", "trace"])
def test_numbers_of_every_source_are_compared(api: ProjectClient, source: str) -> None:
    metric = {"system_metric": "cpu_usage", "business_metric": "revenue", "trace": "duration_ms"}[source]
    condition = {"metric": metric, "operator": ">", "threshold": 5, "change_in": "absolute"}
    make(api, "change", source, condition)
    for value, at in ((10, NOW - timedelta(minutes=5)), (20, NOW)):
        _send(api, source, value, at)
    tick(NOW)
    assert [alert["value"] for alert in alerts(api)] == [10]


def test_a_label_set_that_vanished_has_fallen_to_zero(api: ProjectClient) -> None:
    condition = {"operator": "<=", "threshold": -100, "group_by": ["user_id"]}
    make(api, "change", "telemetry_event", condition)
    send_events(api, 3, NOW - timedelta(minutes=5), user_id="ana")
    send_events(api, 3, NOW - timedelta(minutes=5), user_id="ben")
    send_events(api, 3, NOW, user_id="ben")
    tick(NOW)
    assert statuses(api) == {"user_id=ana": "firing"}


@pytest.mark.parametrize(
    ("changes", "now", "before", "value", "remark"),
    [
        ({}, 15, 10, 50, "15 now, 10 the window before"),
        ({}, 5, -10, 150, "5 now, -10 the window before"),
        ({}, 5, 0, None, "5 now, 0 the window before: there is no percentage of 0"),
        ({}, 0, 0, None, "0 now, 0 the window before: there is no percentage of 0"),
        ({"change_in": "absolute"}, 5, 0, 5, "5 now, 0 the window before"),
        ({"minimum_count": 20}, 19, 1, None, "19 now, 1 the window before: below 20"),
        ({"minimum_count": 20}, 20, 1, 1900, "20 now, 1 the window before"),
        ({"minimum_count": 20}, 1, 20, -95, "1 now, 20 the window before"),
        ({}, None, 10, None, "no data now"),
        ({"compared_to": "day_ago"}, 10, None, None, "no data a day ago"),
    ],
)
def test_what_a_change_is(
    changes: dict[str, Any], now: float | None, before: float | None, value: float | None, remark: str
) -> None:
    sample = changed(ChangeCondition(operator=">", threshold=1, **changes), now, before)
    assert (sample.value, sample.remark) == (value, remark)


@given(now=st.floats(-1e9, 1e9), before=st.floats(-1e9, 1e9).filter(lambda value: abs(value) > 1e-9))
def test_percent_and_absolute_change_have_one_direction(now: float, before: float) -> None:
    percent = changed(ChangeCondition(operator=">", threshold=1), now, before).value
    absolute = changed(ChangeCondition(operator=">", threshold=1, change_in="absolute"), now, before).value
    assert percent is not None
    assert absolute is not None
    assert (percent > 0, percent < 0) == (absolute > 0, absolute < 0)


def test_the_sentence_says_against_what() -> None:
    condition = ChangeCondition(operator="<", threshold=-50, event_name="paid", compared_to="week_ago")
    sentence = "change of number of paid events over 5 min against a week ago < -50 %"
    assert RULE_TYPE.describe(condition, "telemetry_event") == sentence


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"compared_to": "last_year"}, {"compared_to": "Must be one of window_before day_ago week_ago."}),
        ({"change_in": "share"}, {"change_in": "Must be one of percent absolute."}),
        ({"minimum_count": -1}, {"minimum_count": "Must be 0 or more."}),
    ],
)
def test_what_makes_no_sense_is_refused(
    api: ProjectClient, changes: dict[str, Any], errors: dict[str, str]
) -> None:
    condition = {"operator": ">", "threshold": 1, **changes}
    assert refused(api, "change", "telemetry_event", condition) == errors


def _send(api: ProjectClient, source: str, value: float, at: datetime) -> None:
    match source:
        case "system_metric":
            send_points(api, [value], at)
        case "business_metric":
            send_business(api, value, at)
        case _:
            send_spans(api, 1, at, duration_ms=value)

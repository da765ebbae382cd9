"""Rules about events choose them by matchers, as funnels do, and count the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerting.admin.alert_page.case import case_of
from alerting.admin.alert_page.records import examples, impact
from alerting.display.conditions import sentence
from alerting.models import Alert, Transition
from alerting.rule_types.event_matchers import matcher_of
from alerting.why import samples
from analytics.matchers import matches, parse
from tests.alerting.rule_types.telemetry import RULE_MATCHERS, make, refused
from tests.alerting.scenes import ERROR_RULE, alerts, make_rule, tick
from tests.analytics.matchers.strategies import EVENTS
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0) - timedelta(minutes=30)
ALWAYS: dict[str, Any] = {"operator": "!=", "threshold": -1}


def send(api: ProjectClient, events: list[dict[str, Any]]) -> None:
    body = [{**one, "id": str(number), "timestamp": NOW.isoformat()} for number, one in enumerate(events)]
    assert api.post("/api/v1/events", {"events": body}).json()["accepted"] == len(events)


def counted(api: ProjectClient, conditions: list[dict[str, Any]]) -> list[float]:
    """What rules with these conditions, all of one tick, count."""
    rules = [make(api, "event_frequency", "telemetry_event", {**one, **ALWAYS}) for one in conditions]
    tick(NOW)
    values = {alert["rule"]: alert["value"] for alert in alerts(api)}
    return [values[rule.pk] for rule in rules]


def reached(api: ProjectClient, matcher: dict[str, Any]) -> int:
    """How many events a funnel's step finds."""
    day = {"start": (NOW - timedelta(hours=1)).isoformat(), "end": (NOW + timedelta(hours=1)).isoformat()}
    answer = api.post("/api/v1/analytics/funnel/", {"steps": [matcher, matcher], "unit": "id", **day})
    assert answer.status_code == 200, answer.content
    count: int = answer.json()["steps"][0]["count"]
    return count


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    events=st.lists(EVENTS, min_size=1, max_size=12), wanted=st.lists(RULE_MATCHERS, min_size=1, max_size=6)
)
def test_a_rule_counts_what_a_funnels_step_and_plain_python_find(
    db: None, events: list[dict[str, Any]], wanted: list[dict[str, Any]]
) -> None:
    api = client_of(make_project("agree"))
    send(api, events)
    expected = [sum(matches(parse(one), event) for event in events) for one in wanted]
    assert counted(api, wanted) == expected
    assert [reached(api, one) for one in wanted] == expected


def test_an_empty_type_of_the_condition_is_as_none_and_in_its_filters_asks_for_events_without_one(
    db: None, api: ProjectClient
) -> None:
    send(api, [{"event_name": "paid"}, {"event_name": "paid", "event_type": "card"}])
    asked: list[dict[str, Any]] = [{"event_name": "paid", "event_type": ""}, {"filters": {"event_type": ""}}]
    assert counted(api, asked) == [2, 1]


ORDERS = [
    {"event_name": "paid", "tags": {"shop": shop}, "properties": {"amount": amount}, "trace_id": f"{amount}"}
    for shop, amount in [("eu", 5), ("eu", 50), ("eu", 70), ("us", 60), ("us", 4)]
]
LARGE: dict[str, Any] = {"event_name": "paid", "filters": {"properties.amount": {"greater": 10}}}


@pytest.mark.parametrize(
    ("rule_type", "condition", "value", "words"),
    [
        (
            "event_frequency",
            {**LARGE, "filters": {**LARGE["filters"], "tags.shop": {"not": "us"}}},
            2,
            "number of paid events where properties.amount is more than 10 and tags.shop is not us "
            "over 5 min != -1",
        ),
        (
            "event_frequency",
            {"any_of": [{"event_name": "paid"}, {"event_name": "refunded"}]},
            5,
            "number of paid or refunded events over 5 min != -1",
        ),
        (
            "event_frequency",
            {"any_of": [{"event_name": "refunded"}, LARGE]},
            3,
            "number of any events where (refunded or paid where properties.amount is more than 10) "
            "over 5 min != -1",
        ),
        (
            "absence",
            LARGE,
            3,
            "number of paid events where properties.amount is more than 10 over 5 min != -1",
        ),
        (
            "change",
            {**LARGE, "change_in": "absolute"},
            3,
            "change of number of paid events where properties.amount is more than 10 over 5 min "
            "against the window before != -1",
        ),
        (
            "ratio",
            {"numerator": LARGE, "any_of": [{"filters": {"tags.shop": "eu"}}, {"event_name": "seen"}]},
            2 / 3,
            "paid events where properties.amount is more than 10 / all events "
            "where (any event where tags.shop is eu or seen) over 5 min != -100 %",
        ),
        (
            "ratio",
            {"numerator": {"event_name": "paid", "properties.amount": 50}, "denominator": LARGE},
            1 / 3,
            "paid events where properties.amount is 50 / paid events "
            "where properties.amount is more than 10 over 5 min != -100 %",
        ),
        (
            "ratio",
            {
                "numerator": {"properties.amount": 50},
                "any_of": [{"event_name": "paid"}, {"event_name": "seen"}],
            },
            1 / 5,
            "events where properties.amount is 50 / all events where (paid or seen) over 5 min != -100 %",
        ),
        (
            "ratio",
            {
                "numerator": {"tags.shop": "eu"},
                "event_name": "paid",
                "filters": {"properties.amount": {"less": 60}},
            },
            2 / 3,
            "events where tags.shop is eu / all events where event_name is paid "
            "and properties.amount is less than 60 over 5 min != -100 %",
        ),
    ],
)
def test_every_type_takes_a_matcher_and_says_it_in_words(
    api: ProjectClient, rule_type: str, condition: dict[str, Any], value: float, words: str
) -> None:
    send(api, ORDERS)
    rule = make(api, rule_type, "telemetry_event", {**condition, **ALWAYS})
    assert sentence(rule) == words
    tick(NOW)
    assert [alert["value"] for alert in alerts(api)] == [pytest.approx(value)]


def test_a_budget_is_burnt_by_the_events_that_match(api: ProjectClient) -> None:
    send(api, ORDERS)
    budget = {"bad": LARGE, "total": {"event_name": "paid"}, "objective": 0.9, "minimum_events": 1}
    burning = make(api, "slo_burn_rate", "telemetry_event", budget)
    tick(NOW)
    (alert,) = alerts(api)
    assert alert["rule"] == burning.pk
    assert alert["value"] == pytest.approx(6)  # 60 % bad where 10 % may be, against a factor of 1


@pytest.mark.parametrize(
    ("common", "words"),
    [
        ({"event_type": "shop"}, " where event_type is shop"),
        ({"any_of": [{"event_name": "paid"}, {"event_name": "seen"}]}, " where (paid or seen)"),
        (
            {"filters": {"tags.shop": "eu"}, "group_by": ["tenant_id"]},
            " of each tenant_id where tags.shop is eu",
        ),
    ],
)
def test_a_budget_says_all_that_it_counts(api: ProjectClient, common: dict[str, Any], words: str) -> None:
    windows = [{"factor": 2, "long_minutes": 60, "short_minutes": 5}]
    budget = {"bad": LARGE, "total": {"event_name": "paid"}, "objective": 0.9, "windows": windows}
    rule = make(api, "slo_burn_rate", "telemetry_event", {**budget, **common})
    assert sentence(rule) == (
        f"paid events where properties.amount is more than 10 among paid events{words} "
        "burn the budget of 90 %: 2x over 1 h and 5 min"
    )


def test_thirty_rules_with_other_matchers_ask_events_as_often_as_one(api: ProjectClient) -> None:
    send(api, ORDERS)
    assert statements(api, [LARGE]) == 1
    others: list[dict[str, Any]] = [
        *({"filters": {"tags.shop": shop, "properties.amount": {"greater": 10}}} for shop in "abcdefghijk"),
        *({"filters": {"properties.amount": {"less": 3 + number}}} for number in range(10)),
        *({"any_of": [LARGE, {"event_name": name}]} for name in "abcdefghi"),
    ]
    assert statements(api, others) == 1


def statements(api: ProjectClient, conditions: list[dict[str, Any]]) -> int:
    """How often a tick reads events."""
    for one in conditions:
        make(api, "event_frequency", "telemetry_event", {**one, **ALWAYS})
    with CaptureQueriesContext(connection) as queries:
        tick(NOW)
    return sum("FROM telemetry_events" in query["sql"] for query in queries)


def test_the_records_behind_an_alert_are_those_that_match(api: ProjectClient) -> None:
    send(api, ORDERS)
    make_rule(api, ERROR_RULE, **{**LARGE, "event_type": None, "group_by": ["tags.shop"], "threshold": 2})
    tick(NOW)
    samples.gather_due(timezone.now())
    fired = Transition.objects.get(to_status="firing")
    assert fired.evidence is not None
    assert {record["trace_id"] for record in fired.evidence["samples"]["records"]} == {"50", "70"}
    case = case_of(Alert.objects.get(), fired.evidence)
    assert {one.trace_id for one in examples(case).events} == {"50", "70"}
    found = impact(case, timezone.now())
    assert found is not None
    assert found.record_count == 2
    assert found.filters == {"event_name": "paid", "tags.shop": "eu"}


def test_stored_conditions_and_numbers_keep_their_meaning(api: ProjectClient) -> None:
    send(api, [{"event_name": "paid", "properties": {"code": code}} for code in (500, 500.0, "500", 5)])
    send_nameless = {"event_type": "", "filters": {"properties.code": 5}}
    assert counted(api, [{"filters": {"properties.code": 500}}, send_nameless, {"event_name": "paid"}]) == [
        3,
        1,
        4,
    ]


def test_the_largest_matcher_is_still_one_statement(api: ProjectClient) -> None:
    send(api, [{"event_name": "paid"}])
    alternatives = [{"filters": {f"tags.{n}_{k}": {"exists": False} for k in range(50)}} for n in range(4)]
    largest = {"any_of": alternatives, "group_by": [f"properties.{n}" for n in range(20)]}
    assert counted(api, [largest]) == [1]


def test_long_matchers_are_not_kept_in_memory() -> None:
    short, long = ({"event_name": letter * length} for letter, length in [("a", 10), ("b", 990)])
    assert matcher_of(short) is matcher_of(short)
    assert matcher_of(long) is not matcher_of(long)
    assert matcher_of(long) == parse(long)


NAMES = [{"event_name": f"name {number}"} for number in range(15)]


@pytest.mark.parametrize(
    ("condition", "errors"),
    [
        (
            {"any_of": [{"filters": {f"tags.{n}": {"contains": "a"} for n in range(50)}}] * 5},
            {"any_of": "Must have at most 200 conditions in all, names and alternatives included, not 250."},
        ),
        (
            {"filters": {"properties.amount": {"greater": "much"}}},
            {"filters": "properties.amount.greater: Must be a number that a double can hold."},
        ),
        (
            {"filters": {"tags.plan": {"like": "g%"}}},
            {
                "filters": "tags.plan.like: Is not one of equals, one_of, contains, greater, less, "
                "greater_or_equal, less_or_equal, exists, not."
            },
        ),
        (
            {"filters": {"user_id": {"less": 5}}},
            {"filters": "user_id.less: user_id holds text, which is neither greater nor less."},
        ),
        ({"filters": {"tags.plan": None}}, {"filters": "tags.plan: Needs a value."}),
        ({"filters": {"tags.plan": []}}, {"filters": "tags.plan: Must be a list of 1 to 1000 values."}),
        ({"filters": []}, {"filters": "Must be an object, not a list."}),
        ({"any_of": [{"event": "x"}]}, {"any_of": "[0].event: Unknown key."}),
        ({"any_of": [5]}, {"any_of": "[0]: Must be an object."}),
        ({"any_of": "paid"}, {"any_of": "Must be a list, not text."}),
        ({"event_name": "x" * 1001}, {"event_name": "Must have at most 1000 characters, and no NUL."}),
    ],
)
def test_a_wrong_matcher_is_refused_by_its_key(
    api: ProjectClient, condition: dict[str, Any], errors: dict[str, str]
) -> None:
    assert refused(api, "event_frequency", "telemetry_event", {**condition, **ALWAYS}) == errors


@pytest.mark.parametrize(
    ("source", "condition", "errors"),
    [
        (
            "telemetry_event",
            {"numerator": {"filters": {"tags.a": {"not": {"not": 1}}}}},
            {
                "numerator": "filters: tags.a.not.not: Is not one of equals, one_of, contains, greater, less, "
                "greater_or_equal, less_or_equal, exists, not."
            },
        ),
        (
            "telemetry_event",
            {"numerator": {"color": "red"}},
            {"numerator": "filters: color: Is not one of"},
        ),
        (
            "telemetry_event",
            {
                "numerator": {"any_of": [{"event_name": "a"}]},
                "denominator": {"any_of": [{"event_name": "a"}]},
            },
            {"numerator": "Must differ from denominator: it is a share of it."},
        ),
        (
            "telemetry_event",
            {
                "numerator": {"filters": {"tags.a": "x", "tags.b": {"exists": True, "contains": "y"}}},
                "denominator": {"tags.b": {"contains": "y", "exists": True}, "tags.a": "x"},
            },
            {"numerator": "Must differ from denominator: it is a share of it."},
        ),
        (
            "telemetry_event",
            {"numerator": {"tags.a": 2, "filters": {"tags.a": 1}}},
            {"numerator": "tags.a is given twice."},
        ),
        (
            "telemetry_event",
            {"numerator": {"any_of": NAMES}, "any_of": NAMES},
            {"numerator": "With what holds for both: Must have at most 200 conditions in all"},
        ),
        (
            "trace",
            {"numerator": {"status": "error"}, "any_of": [{"event_name": "a"}]},
            {"any_of": "Only events have this."},
        ),
        (
            "trace",
            {"numerator": {"status": ["error"]}},
            {"numerator": "status: must be text, a number, true or false."},
        ),
        (
            "trace",
            {"numerator": {"status": "error"}, "filters": {"service_name": {"not": "a"}}},
            {"filters": "service_name: must be text, a number, true or false."},
        ),
    ],
)
def test_a_wrong_selection_is_refused_by_its_key(
    api: ProjectClient, source: str, condition: dict[str, Any], errors: dict[str, str]
) -> None:
    found = refused(api, "ratio", source, {**condition, **ALWAYS})
    assert found.keys() == errors.keys()
    for key, message in errors.items():
        assert found[key].startswith(message)

"""Whatever JSON comes for a rule, a channel or an alert: it is taken or refused, never a server error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.alerting.delivery_rows import make_alert
from tests.alerting.scenes import CPU_RULE, ERROR_RULE, make_rule
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

ODD: list[Any] = [
    *(None, True, [], {}, [[]], [None], [5], [{}], {"a": None}, {"": []}),
    *("", " ", "\0", "\ud800", "x" * 5_000, "NaN", "1e999"),
    *(0, -1, 1e308, -0.0, 2**31, 2**63, 2**64, 10**30, 10**400, 10**4_000, float("inf")),
    *({"email": [5]}, {"email": "x"}, {"slack": {"channel": 5}}, {"slack": []}),
    *({"a\0": "b"}, {"a": "\ud800"}),
]
DEEP: Any = None
for _ in range(300):
    DEEP = [DEEP]
SLACK = {"name": "s", "kind": "slack", "config": {"bot_token": "xoxb-0123456789", "channel": "#ops"}}
MAIL = {"name": "m", "kind": "email", "config": {"recipients": ["ops@example.org"]}}
RULES, CHANNELS, ALERTS = ("/api/v1/" + name for name in ("alert-rules", "notification-channels", "alerts"))

odd = st.sampled_from([*ODD, DEEP]) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside a JSON value, its own included."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, one in inner for found in places(one, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[path[0]] = replaced(copied[path[0]], path[1:], new)
    return copied


FULL_RULE = {
    **CPU_RULE,
    "condition_config": {**CPU_RULE["condition_config"], "filters": {"service_name": "api"}},
    "description": "",
    "notification_channels": ["s"],
    "notification_config": {"email": ["ana@example.org"], "slack": {"channel": "#db"}},
    "evaluation_interval_seconds": 60,
    "for_seconds": 0,
    "keep_firing_for_seconds": 0,
    "recovery_threshold": 70,
    "no_data": "keep",
    "enabled": True,
}
ERRORS = {
    **ERROR_RULE,
    "condition_config": {
        **ERROR_RULE["condition_config"],
        **{"event_name": "x", "event_category": "y", "filters": {"tags.a": 1}, "group_by": ["user_id"]},
    },
}


@st.composite
def mutated(draw: st.DrawFn, *bases: Any) -> Any:
    """One of the bodies with one or two values, anywhere inside, replaced by something odd."""
    body = draw(st.sampled_from(bases))
    for _ in range(draw(st.integers(1, 2))):
        body = replaced(body, draw(st.sampled_from(places(body))), draw(odd))
    return body


def check(api: ProjectClient, method: str, path: str, body: Any) -> None:
    answer = api.send(method, path, json.dumps(body).encode())
    assert answer.status_code in {200, 201, 400, 404, 409}, answer.content
    # What was taken can be shown as well.
    assert answer.status_code != 201 or api.get(f"{path}/{answer.json()['id']}").status_code == 200


# The fixtures stay the same on purpose: each body comes to the rows that those before it left.
hostile = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_the_bodies_are_good_before_they_are_spoilt(api: ProjectClient) -> None:
    sent = [(CHANNELS, SLACK), (CHANNELS, MAIL), (RULES, FULL_RULE), (RULES, ERRORS)]
    assert [api.post(path, body).status_code for path, body in sent] == [201] * 4


@hostile
@given(body=mutated(FULL_RULE, ERRORS))
def test_no_body_for_a_rule_is_a_server_error(api: ProjectClient, body: Any) -> None:
    api.post(CHANNELS, SLACK)
    rules = api.get(f"{RULES}?page_size=1").json()["results"]
    rule_id = rules[0]["id"] if rules else make_rule(api).pk
    check(api, "POST", RULES, body)
    check(api, "PATCH", f"{RULES}/{rule_id}", body)


@hostile
@given(body=mutated(SLACK, MAIL, {"config": SLACK["config"]}, {"enabled": False, "name": "n"}))
def test_no_body_for_a_channel_is_a_server_error(api: ProjectClient, body: Any) -> None:
    check(api, "POST", CHANNELS, body)
    for channel in api.get(f"{CHANNELS}?page_size=2").json()["results"]:
        check(api, "PATCH", f"{CHANNELS}/{channel['id']}", body)


@hostile
@given(body=mutated({"note": "n"}, {"assignee": "ana"}, {}))
def test_no_body_for_an_alert_is_a_server_error(api: ProjectClient, body: Any) -> None:
    alert = make_alert(api.project, pending_since=timezone.now(), triggered_at=timezone.now())
    for action in ("note", "assign", "acknowledge", "resolve"):
        check(api, "POST", f"{ALERTS}/{alert.pk}/{action}", body)

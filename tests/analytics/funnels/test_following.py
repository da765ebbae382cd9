"""What comes next: the database counts what plain Python counts."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.funnels.following import following
from analytics.matchers import matches, parse
from analytics.units import PERSON
from tests.analytics.funnels.test_random import EVENT, MOMENT, send
from tests.analytics.naive import by_unit
from tests.clients import client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db

MATCHERS = st.sampled_from(
    [
        {"event_name": "a"},
        {"any_of": [{"event_name": "a"}, {"event_name": "b"}]},
        {"filters": {"properties.n": {"greater": 1}}},
    ]
)


def counted(events: list[dict[str, Any]], unit: str, matcher: dict[str, Any]) -> Counter[str | None]:
    """The name right after each event that matches, unless that one matches again; None after the last one."""
    asked = parse(matcher)
    found: Counter[str | None] = Counter()
    for own in by_unit(events, unit).values():
        for event, later in zip(own, [*own[1:], None], strict=True):
            if matches(asked, event) and (later is None or not matches(asked, later)):
                found[later["event_name"] if later else None] += 1
    return found


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sent=st.lists(EVENT, min_size=1, max_size=16),
    matcher=MATCHERS,
    unit=st.sampled_from([PERSON, "session_id"]),
)
def test_what_comes_next_agrees_with_plain_python(
    db: None, sent: list[dict[str, Any]], matcher: dict[str, Any], unit: str
) -> None:
    api = client_of(make_project("next"))
    stored = send(api, sent)
    start, end = MOMENT + timedelta(minutes=1), MOMENT + timedelta(minutes=9)
    expected = counted([event for event in stored if start <= event["timestamp"] < end], unit, matcher)
    found = following(api.project.pk, unit, parse(matcher), start, end)
    assert {one.name: one.count for one in found.names} == {
        name: count for name, count in expected.items() if name is not None
    }
    assert (found.sampled, found.nothing) == (expected.total(), expected[None])

"""Matchers are read from JSON, and what is wrong with them is told by key."""

from __future__ import annotations

from typing import Any

import pytest

from analytics.matchers import MatcherError, as_json, parse

SIGNS = ("equals", "greater", "less", "greater_or_equal", "less_or_equal")
WRONG: list[tuple[Any, str]] = [
    ("paid", "step"),
    ({}, "step"),
    ({"event_names": "paid"}, "step.event_names"),
    ({"event_name": ["paid"]}, "step.event_name"),
    ({"event_name": "pa\0id"}, "step.event_name"),
    ({"filters": ["plan"]}, "step.filters"),
    ({"filters": {"colour": "red"}}, "step.filters.colour"),
    ({"filters": {"tags.": "red"}}, "step.filters.tags."),
    ({"filters": {"tags.plan": None}}, "step.filters.tags.plan"),
    ({"filters": {"tags.plan": []}}, "step.filters.tags.plan"),
    ({"filters": {"tags.plan": ["a", {}]}}, "step.filters.tags.plan[1]"),
    ({"filters": {"tags.plan": {}}}, "step.filters.tags.plan"),
    ({"filters": {"tags.plan": {"like": "a"}}}, "step.filters.tags.plan.like"),
    ({"filters": {"tags.plan": {"exists": "yes"}}}, "step.filters.tags.plan.exists"),
    ({"filters": {"tags.plan": {"not": {"not": "a"}}}}, "step.filters.tags.plan.not.not"),
    ({"filters": {"properties.n": {"greater": "5"}}}, "step.filters.properties.n.greater"),
    ({"filters": {"properties.n": {"greater": True}}}, "step.filters.properties.n.greater"),
    ({"filters": {"user_id": {"greater": 5}}}, "step.filters.user_id.greater"),
    ({"filters": {"duration_ms": {"less": 10**400}}}, "step.filters.duration_ms.less"),
    ({"any_of": []}, "step.any_of"),
    ({"any_of": [{"event_name": "a"}, {}]}, "step.any_of[1]"),
    ({"any_of": [{"any_of": [{"event_name": "a"}]}]}, "step.any_of[0].any_of"),
    ({"event_name": "a", "any_of": [{"filters": {f"tags.{n}": 1 for n in range(20)}}] * 10}, "step.any_of"),
    ({"filters": {f"tags.{n}": {"not": dict.fromkeys(SIGNS, 1)} for n in range(41)}}, "step.filters"),
    ({"filters": {f"tags.{n}": [*"abcde"] * 200 for n in range(6)}}, "step.filters"),
]


@pytest.mark.parametrize(("value", "key"), WRONG, ids=[key for _, key in WRONG])
def test_what_is_wrong_is_told_by_its_key(value: Any, key: str) -> None:
    with pytest.raises(MatcherError) as caught:
        parse(value, "step")
    assert caught.value.key == key


def test_a_matcher_written_and_read_again_is_the_same() -> None:
    matcher = parse(
        {
            "event_type": "business",
            "filters": {
                "tags.plan": "pro",
                "tags.n": 5.0,
                "tags.m": [7, "x"],
                "source": ["web", "app"],
                "properties.total": {"greater": 9.5, "less_or_equal": 100},
                "properties.coupon": {"not": {"exists": True, "contains": "x"}},
            },
            "any_of": [
                {"event_name": "paid"},
                {"event_name": "refunded", "filters": {"duration_ms": {"less": 5}}},
            ],
        }
    )
    assert parse(as_json(matcher)) == matcher


@pytest.mark.parametrize(
    ("value", "names", "is_only_names", "label"),
    [
        ({"event_name": "paid"}, {"paid"}, True, "paid"),
        ({"event_name": "paid", "filters": {"tags.a": "b"}}, {"paid"}, False, "paid"),
        ({"event_type": "click"}, None, False, "click"),
        ({"any_of": [{"event_name": "a"}, {"event_name": "b"}]}, {"a", "b"}, True, "a or b"),
        ({"any_of": [{"event_name": "a"}, {"event_type": "b"}]}, None, False, "a or b"),
        ({"filters": {"tags.a": {"exists": True}}}, None, False, "tags.a"),
    ],
)
def test_a_matcher_knows_the_names_it_is_limited_to(
    value: Any, names: set[str] | None, is_only_names: bool, label: str
) -> None:
    matcher = parse(value)
    assert (matcher.names, matcher.is_only_names, matcher.label) == (names, is_only_names, label)

"""A backtest says what the rule really did: the same changes at the same times, for every rule type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from alerting.models import Rule, Transition
from tests.alerting.backtest.scene import FIRST, LAST, RULES, moments, rule
from tests.alerting.scenes import tick
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

Changes = list[tuple[str, str, str, str, str, str]]
"""(time, labels, kind, from, to, reason), but nothing of pending: it goes where an alert vanishes."""


def backtest(api: ProjectClient, body: Mapping[str, Any], **period: Any) -> dict[str, Any]:
    bounds = {"start": FIRST.isoformat(), "end": LAST.isoformat(), **period}
    answer = api.post("/api/v1/alert-rules/backtest/", {"name": "tried", **body, **bounds})
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def what_ticks_did(stored: Rule) -> Changes:
    rows = Transition.objects.filter(alert__rule=stored).select_related("alert").order_by("at", "id")
    return sorted(
        (one.at.isoformat(), str(one.alert.labels), one.kind, one.from_status, one.to_status, one.reason)
        for one in rows
        if one.to_status != "pending"
    )


def what_backtest_says(found: Mapping[str, Any]) -> Changes:
    return sorted(
        (one["at"], str(one["labels"]), one["kind"], one["from"], one["to"], one["reason"])
        for one in found["transitions"]
        if one["to"] != "pending"
    )


def test_every_rule_type_does_in_a_backtest_what_it_did_tick_by_tick(shop: ProjectClient) -> None:
    for name, body in RULES.items():
        answer = shop.post("/api/v1/alert-rules/", {"name": name, **body})
        assert answer.status_code == 201, answer.content
    for now in moments():
        tick(now)
    really = {stored.name: what_ticks_did(stored) for stored in Rule.objects.all()}
    tried = {name: what_backtest_says(backtest(shop, body)) for name, body in RULES.items()}
    assert {name for name, changes in really.items() if not changes} == set()
    for name in RULES:
        assert tried[name] == really[name], name


def test_a_rule_about_other_rules_is_tried_with_them(shop: ProjectClient) -> None:
    for name in ("cpu with two severities", "errors"):
        assert shop.post("/api/v1/alert-rules/", {"name": name, **RULES[name]}).status_code == 201
    both = rule("composite", "rule", {"rules": ["cpu with two severities", "errors"], "need": "all"})
    found = backtest(shop, both)
    assert [(one["from"], one["to"], one["reason"]) for one in found["transitions"]][:2] == [
        ("", "firing", "1 >= 1 (2 of 2 fire: cpu with two severities, errors)"),
        ("firing", "resolved", "0 is no longer >= 1"),
    ]
    assert found["curve"] == []

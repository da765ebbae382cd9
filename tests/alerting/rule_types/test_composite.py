"""Rules about rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from alerting.models import Rule
from tests.alerting.rule_types.telemetry import make, refused
from tests.alerting.scenes import ERROR_RULE, alerts, edit, make_rule, send_events, tick, timeline
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0) - timedelta(minutes=30)
SECOND = timedelta(seconds=1)


def counting(api: ProjectClient, name: str, **changes: Any) -> Rule:
    """A rule that fires for one event of its name."""
    return make_rule(api, ERROR_RULE, name=name, event_type=None, event_name=name, threshold=1, **changes)


def composite_alerts(api: ProjectClient) -> list[tuple[dict[str, str], str]]:
    """Labels and status of each alert of a composite rule, after the tick that sees its members' alerts."""
    tick(NOW)
    tick(NOW + SECOND)
    return [(one["labels"], one["status"]) for one in alerts(api) if one["rule_name"] == "composite"]


@pytest.mark.parametrize(
    ("need", "fired", "expected"),
    [
        ("all", (), []),
        ("all", ("a",), []),
        ("all", ("a", "b"), [({}, "firing")]),
        ("any", (), []),
        ("any", ("b",), [({}, "firing")]),
        ("none", ("a",), []),
        ("none", (), [({}, "firing")]),
    ],
)
def test_all_any_or_none_of_its_rules_fire(
    api: ProjectClient, need: str, fired: tuple[str, ...], expected: list[Any]
) -> None:
    first = counting(api, "a")
    counting(api, "b")
    for name in fired:
        send_events(api, 1, NOW - SECOND, event_name=name)
    tick(NOW - SECOND)
    make(api, "composite", "rule", {"rules": [first.pk, "b"], "need": need})
    assert composite_alerts(api) == expected


def test_rules_fire_together_for_the_same_label_only(api: ProjectClient) -> None:
    for name in ("a", "b"):
        counting(api, name, group_by=["tenant_id", "user_id"])
    make(api, "composite", "rule", {"rules": ["a", "b"], "group_by": ["tenant_id"]})
    send_events(api, 1, NOW, event_name="a", tenant_id="acme", user_id="ana")
    send_events(api, 1, NOW, event_name="b", tenant_id="acme", user_id="ben")
    send_events(api, 1, NOW, event_name="b", tenant_id="bolt", user_id="cat")
    assert composite_alerts(api) == [({"tenant_id": "acme"}, "firing")]


def test_it_says_which_rules_fire_and_resolves_with_them(api: ProjectClient) -> None:
    counting(api, "a")
    counting(api, "b")
    make(api, "composite", "rule", {"rules": ["a", "b"], "need": "any"})
    send_events(api, 1, NOW, event_name="b")
    assert composite_alerts(api) == [({}, "firing")]
    (alert,) = [one for one in alerts(api) if one["rule_name"] == "composite"]
    assert timeline(api, alert["id"])[0][-1] == "1 >= 1 (1 of 2 fire: b)"
    later = NOW + timedelta(minutes=6)
    tick(later)
    tick(later + SECOND)
    assert {one["status"] for one in alerts(api)} == {"resolved"}


def test_a_deleted_member_makes_it_unhealthy_and_it_can_be_disabled(api: ProjectClient) -> None:
    member = counting(api, "a")
    rule = make(api, "composite", "rule", {"rules": ["a"]})
    assert api.delete(f"/api/v1/alert-rules/{member.pk}/").status_code == 204
    tick(NOW)
    rule.refresh_from_db()
    assert (rule.health, rule.last_error) == (
        "unhealthy",
        "This project has no rule 'a', or it was deleted or renamed.",
    )
    edit(api, rule, enabled=False)


def test_another_project_s_rule_is_unknown(api: ProjectClient, other_api: ProjectClient) -> None:
    theirs = counting(other_api, "a")
    errors = refused(api, "composite", "rule", {"rules": [theirs.pk]})
    assert errors == {"rules": f"This project has no rule {theirs.pk}, or it was deleted."}


def test_rules_never_depend_on_themselves(api: ProjectClient) -> None:
    bottom = counting(api, "a")
    middle = make(api, "composite", "rule", {"rules": [bottom.pk]}, name="middle")
    top = make(api, "composite", "rule", {"rules": ["middle"]}, name="top")
    for rule, members in ((middle, ["top"]), (middle, [middle.pk]), (top, [bottom.pk, "top"])):
        body = {"condition_config": {"rules": members}}
        answer = api.patch(f"/api/v1/alert-rules/{rule.pk}/", body)
        assert answer.status_code == 400
        assert "depends on this rule itself" in answer.json()["errors"]["condition_config"]["rules"]


def test_a_name_that_several_rules_have_names_none(api: ProjectClient) -> None:
    counting(api, "a")
    counting(api, "a")
    errors = refused(api, "composite", "rule", {"rules": ["a"]})
    assert errors == {"rules": "2 rules are called 'a': name one by its id."}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"rules": []}, "rules"),
        ({"rules": ["a", "a"]}, "rules"),
        ({"rules": [""]}, "rules"),
        ({"rules": [1.5]}, "rules"),
        ({"need": "most"}, "need"),
        ({"threshold": 2}, "threshold"),
        ({"filters": {"host_name": "a"}}, "filters"),
        ({"group_by": ["*"]}, "group_by"),
        ({"need": "none", "group_by": ["host_name"]}, "group_by"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(
    api: ProjectClient, changes: dict[str, Any], field: str
) -> None:
    counting(api, "a")
    assert list(refused(api, "composite", "rule", {"rules": ["a"], **changes})) == [field]

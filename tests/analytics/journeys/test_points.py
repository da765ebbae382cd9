"""Metric points of journeys, and rules that watch them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from alerting.ttf_rules import TTF_RULES, add_ttf_rules
from analytics.journeys import forgetting, points, upkeep
from analytics.models.journeys import JourneyProgress, JourneyState, Milestone
from projects.models import Project
from storage import writer
from storage.writer import QueueFull
from tests.alerting.scenes import alerts, tick
from tests.analytics.journeys.scene import TTF_EVENTS, Seen, link, roll_up, send, settle, ttf_events
from tests.clients import ProjectClient, counts

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC).replace(microsecond=0)


def stored(api: ProjectClient, name: str) -> list[dict[str, Any]]:
    """Points of a metric, the oldest first."""
    return api.results(f"/api/v1/metrics/?metric_name={name}")[::-1]


def values(api: ProjectClient, name: str) -> list[Any]:
    return [point["metric_value"] for point in stored(api, name)]


def edit(project: Project, matcher: dict[str, Any], **which: str) -> None:
    """Give these milestones of the project's journey, or all, another matcher."""
    Milestone.objects.filter(journey__project=project, **which).update(matcher=matcher)


def minutes_after(number: float) -> datetime:
    return NOW + timedelta(minutes=number)


def test_who_completes_is_counted_once_with_minutes_and_score(api: ProjectClient, project: Project) -> None:
    send(api, ttf_events("ana", [4, 24, 34, 64]))
    settle(project, NOW)
    assert values(api, "ttf_complete_minutes") == [64]
    assert values(api, "ttf_efficiency_score") == [87.5]
    assert values(api, "ttf_completion_total") == [1]
    send(api, [*ttf_events("bob", [5, 10, 15, 20]), Seen(60, "first_success_event", "ana")])
    send(api, ttf_events("cid", [5, 10, 15, 40]))
    settle(project, minutes_after(1))
    settle(project, minutes_after(2))
    assert values(api, "ttf_complete_minutes") == [64, 30]
    assert values(api, "ttf_completion_total") == [1, 3, 3]


def test_who_is_on_the_way_is_counted_with_the_minutes_so_far(api: ProjectClient, project: Project) -> None:
    send(api, [Seen(0, TTF_EVENTS[0], "ana"), Seen(1800, TTF_EVENTS[0], "bob")])
    # Longer ago than the journey follows anybody.
    send(api, [Seen(86_400 + 3600, TTF_EVENTS[0], "gone")])
    settle(project, NOW)
    (point,) = stored(api, "ttf_open_minutes")
    since = [(NOW - Seen(ago, "").at).total_seconds() / 60 for ago in (0, 1800)]
    assert point["metric_value"] == pytest.approx(sum(since) / 2)
    assert JourneyProgress.objects.filter(project=project).count() == 3


def test_points_come_once_a_minute_and_only_where_somebody_set_out(
    api: ProjectClient, project: Project
) -> None:
    settle(project, NOW)
    assert values(api, "ttf_open_minutes") == []
    send(api, [Seen(0, TTF_EVENTS[0], "ana")])
    for seconds in (0, 30, 60, 90):
        settle(project, NOW + timedelta(seconds=seconds))
    assert len(stored(api, "ttf_open_minutes")) == 2


def test_completions_of_long_ago_are_counted_without_a_point_of_their_own(
    api: ProjectClient, project: Project
) -> None:
    send(api, ttf_events("ana", [4, 24, 34, 64], started_ago=60 * 30))
    settle(project, NOW)
    assert values(api, "ttf_complete_minutes") == []
    assert values(api, "ttf_completion_total") == [1]


def test_a_link_that_completes_a_journey_is_counted(api: ProjectClient, project: Project) -> None:
    before, after = ttf_events("ana", [4, 24, 34, 64])[:3], ttf_events("ana", [4, 24, 34, 64])[3:]
    send(api, [Seen(one.seconds_ago, one.event_name, anonymous_id="phone") for one in before])
    send(api, after)
    settle(project, NOW)
    assert values(api, "ttf_completion_total") == [0]
    link(api, "phone", "ana")
    settle(project, minutes_after(1))
    assert values(api, "ttf_completion_total") == [0, 1]


def test_who_comes_back_by_another_id_days_later_is_counted(api: ProjectClient, project: Project) -> None:
    link(api, "phone", "ana")
    send(api, [Seen(60 * 60 * 30, TTF_EVENTS[0], anonymous_id="phone")])
    settle(project, NOW)
    send(api, [Seen(60, TTF_EVENTS[-1], "ana")])
    settle(project, minutes_after(1))
    assert values(api, "ttf_completion_total") == [0, 1]
    assert values(api, "ttf_complete_minutes") == [pytest.approx(60 * 30 - 1)]


def test_no_completion_is_told_again_whatever_is_edited_forgotten_or_rebuilt(
    api: ProjectClient, project: Project
) -> None:
    send(api, ttf_events("ana", [4, 24, 34, 64]))
    settle(project, NOW)
    for minute, event_name in enumerate(["first_button_pressed", TTF_EVENTS[-1]], start=1):
        edit(project, {"event_name": event_name}, key="success")
        settle(project, minutes_after(minute))
        forgetting.forget(60)
    call_command("rebuild_journeys", stdout=StringIO())
    settle(project, minutes_after(3))
    assert values(api, "ttf_complete_minutes") == [64]
    assert values(api, "ttf_completion_total") == [1, 1, 1, 1]


def test_who_completes_only_by_the_new_matchers_is_told(api: ProjectClient, project: Project) -> None:
    send(api, [*ttf_events("ana", [4, 24, 34, 64]), *ttf_events("bob", [5, 10, 15])])
    settle(project, NOW)
    edit(project, {"any_of": [{"event_name": name} for name in TTF_EVENTS[-2:]]}, key="success")
    settle(project, minutes_after(1))
    assert values(api, "ttf_complete_minutes") == [64, 15]
    assert values(api, "ttf_completion_total") == [1, 2]


def test_who_was_told_of_by_one_id_is_not_told_again_by_another(api: ProjectClient, project: Project) -> None:
    ends = (TTF_EVENTS[0], TTF_EVENTS[-1])
    send(api, [Seen(60, name, anonymous_id="phone") for name in ends])
    settle(project, NOW)
    link(api, "phone", "ana")
    send(api, [Seen(0, name, "ana", plan="pro") for name in ends])
    # Now the journey knows nothing of the phone.
    for key, name in zip(("signup", "success"), ends, strict=True):
        edit(project, {"event_name": name, "filters": {"properties.plan": "pro"}}, key=key)
    settle(project, minutes_after(1))
    assert values(api, "ttf_complete_minutes") == [0]
    assert values(api, "ttf_completion_total") == [1, 1]


def test_points_that_could_not_be_sent_are_sent_later_and_only_once(
    api: ProjectClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(api, ttf_events("ana", [4, 24, 34, 64]))
    roll_up(project)
    with monkeypatch.context() as patched:
        patched.setattr(writer.GroupWriter, "write", _refuse)
        upkeep.follow(NOW)
    assert values(api, "ttf_complete_minutes") == []
    upkeep.follow(minutes_after(1))
    assert values(api, "ttf_complete_minutes") == [64]
    # The answer of the writer was lost: the same points once more.
    state = JourneyState.objects.get(journey__project=project)
    point = {
        "name": "ttf_completion_total",
        "type": "counter",
        "unit": "",
        "value": 1,
        "tags": {"journey": "ttf"},
    }
    state.unsent_points = {"at": NOW.isoformat(), "points": [point]}
    state.save()
    points.write(minutes_after(2))
    assert values(api, "ttf_completion_total") == [1, 1, 1]


BY_OTHERS_OR_NOBODY = pytest.mark.parametrize(
    "event_name", ["first_button_pressed", "nobody_does_this"], ids=["others", "nobody"]
)


@BY_OTHERS_OR_NOBODY
def test_completions_that_no_point_tells_of_yet_are_told_though_the_journey_is_edited(
    api: ProjectClient, project: Project, event_name: str
) -> None:
    send(api, [*ttf_events("ana", [4, 24, 34, 64]), Seen(60, "first_button_pressed", "bob")])
    settle(project, NOW)
    send(api, ttf_events("cid", [5, 10, 15, 30]))
    settle(project, minutes_after(0.5))
    edit(project, {"event_name": event_name})
    edit(project, {"event_name": "nobody_does_this"}, key="success")
    settle(project, minutes_after(1))
    assert values(api, "ttf_complete_minutes") == [64, 30]


@BY_OTHERS_OR_NOBODY
def test_points_that_wait_are_sent_though_the_journey_is_edited(
    api: ProjectClient, project: Project, monkeypatch: pytest.MonkeyPatch, event_name: str
) -> None:
    send(api, [*ttf_events("ana", [4, 24, 34, 64]), Seen(60, "first_button_pressed", "bob")])
    roll_up(project)
    with monkeypatch.context() as patched:
        patched.setattr(writer.GroupWriter, "write", _refuse)
        upkeep.follow(NOW)
    edit(project, {"event_name": event_name})
    upkeep.follow(minutes_after(1))
    (point,) = [one for one in stored(api, "ttf_complete_minutes") if one["metric_value"] == 64]
    assert datetime.fromisoformat(point["timestamp"]) == NOW


def _refuse(*_: Any) -> None:
    raise QueueFull


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("late_minutes", "fired"),
    [(100, {"TTF above 75 minutes"}), (200, {rule["name"] for rule in TTF_RULES})],
    ids=["over an hour", "over three hours"],
)
def test_the_usual_rules_fire_for_who_is_late_and_resolve_on_arrival(
    api: ProjectClient, project: Project, late_minutes: float, fired: set[str]
) -> None:
    assert [rule.name for rule in add_ttf_rules(project, "test")] == [rule["name"] for rule in TTF_RULES]
    assert add_ttf_rules(project, "test") == []
    began = NOW - timedelta(minutes=late_minutes)
    send_at(api, began, TTF_EVENTS[0])
    for minute in range(9):
        settle(project, minutes_after(minute))
        tick(minutes_after(minute))
    assert {alert["rule_name"]: alert["status"] for alert in alerts(api)} == dict.fromkeys(fired, "firing")
    send_at(api, began + timedelta(minutes=50), *TTF_EVENTS[1:])
    for minute in range(9, 16):
        settle(project, minutes_after(minute))
        tick(minutes_after(minute))
    assert {alert["rule_name"]: alert["status"] for alert in alerts(api)} == dict.fromkeys(fired, "resolved")


def send_at(api: ProjectClient, at: datetime, *names: str) -> None:
    events = [{"event_name": name, "user_id": "ana", "timestamp": at.isoformat()} for name in names]
    assert counts(api.post("/api/v1/events", {"events": events})) == (len(events), 0, 0)

"""A journey over everybody: every figure is what plain Python says of the same people."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import fmean, median
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.journeys.answers import journey_answer
from analytics.journeys.definitions import Definition
from analytics.journeys.measures import (
    Reached,
    complete_minutes,
    efficiency_score,
    stage_minutes,
    waiting_since,
    waits_for,
)
from analytics.journeys.report import Question, bins, report
from projects.models import Project
from tests.analytics.journeys.scene import (
    NOW,
    Seen,
    link,
    make_journey,
    naive_times,
    send,
    settle,
    ttf_events,
)
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db

MATCHERS = {
    "begun": {"event_name": "a"},
    "middle": {"event_name": "b"},
    "either": {"any_of": [{"event_name": "b"}, {"event_name": "c"}]},
    "done": {"event_name": "d"},
}
EVENTS = st.lists(
    st.builds(
        Seen,
        seconds_ago=st.integers(0, 16).map(lambda step: step * 450.0) | st.integers(0, 7200).map(float),
        event_name=st.sampled_from("aabcd"),
        user_id=st.sampled_from(["ana", "bob", "cid", "dan", None]),
        anonymous_id=st.sampled_from(["phone", None]),
        plan=st.sampled_from(["pro", "free", None]),
    ),
    max_size=25,
)


def near(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, abs=1e-6)


def figures(definition: Definition, people: Sequence[Reached]) -> dict[str, Any]:
    scores = [efficiency_score(definition.stages, reached) or 0 for reached in people]
    complete = [minutes for reached in people if (minutes := complete_minutes(reached)) is not None]
    return {
        "people": len(people),
        "completed": len(complete),
        "completion_ratio": near(len(complete) / len(people)) if people else None,
        "efficiency_score": near(fmean(scores)) if people else None,
        **over(complete),
    }


def over(minutes: Sequence[float]) -> dict[str, Any]:
    return {
        "median_minutes": near(median(minutes)) if minutes else None,
        "mean_minutes": near(fmean(minutes)) if minutes else None,
    }


def stage_figures(definition: Definition, people: Sequence[Reached], number: int) -> dict[str, Any]:
    minutes = [one for reached in people if (one := stage_minutes(reached)[number - 1]) is not None]
    waiting = [reached for reached in people if waits_for(reached) == number]
    lengths = [(NOW - since).total_seconds() / 60 for one in waiting if (since := waiting_since(one))]
    target = definition.stages[number].target_minutes or 0
    within = [one for one in minutes if one <= target]
    return {
        "reached": len(minutes),
        "reached_ratio": near(len(minutes) / len(people)) if people else None,
        "within_target_ratio": near(len(within) / len(minutes)) if minutes else None,
        **over(minutes),
        "waiting": {
            "people": len(waiting),
            "followed": len(waiting),
            "median_minutes": near(median(lengths)) if lengths else None,
            "longest_minutes": near(max(lengths)) if lengths else None,
        },
    }


def bars(definition: Definition, people: Sequence[Reached]) -> list[int]:
    edges = [*bins(definition), float("inf")]
    complete = [minutes for reached in people if (minutes := complete_minutes(reached)) is not None]
    return [sum(low <= one < high for one in complete) for low, high in pairwise(edges)]


def first_plans(definition: Definition, events: Sequence[Seen]) -> dict[str, str | None]:
    """Of everybody who began: what the first event said; one plan a time, or the order would be by random ids."""
    persons = {name: name for name in ("ana", "bob", "cid", "dan")} | {"phone": "ana"}
    found: dict[str, tuple[datetime, str | None]] = {}
    for event in events:
        identifier = event.user_id or event.anonymous_id
        if identifier and event.event_name == "a":
            told = (event.at, event.plan)
            found[persons[identifier]] = min(
                found.get(persons[identifier], told), told, key=lambda one: one[0]
            )
    return {person: plan for person, (_, plan) in found.items()}


def one_plan_a_time(events: Sequence[Seen]) -> list[Seen]:
    plans: dict[float, str | None] = {}
    return [
        Seen(
            one.seconds_ago,
            one.event_name,
            one.user_id,
            one.anonymous_id,
            plans.setdefault(one.seconds_ago, one.plan),
        )
        for one in events
    ]


def without_p90(row: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    left_out = {"p90_minutes", "key", "name", "target_minutes", "weight", *keys}
    return {name: value for name, value in row.items() if name not in left_out}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=EVENTS.map(one_plan_a_time), rolled_up=st.integers(0, 25))
def test_every_figure_is_that_of_plain_lists(events: list[Seen], rolled_up: int) -> None:
    project = make_project("shop")
    api = client_of(project)
    definition = make_journey(project, MATCHERS)
    link(api, "phone", "ana")
    send(api, events[:rolled_up])
    settle(project)
    send(api, events[rolled_up:])

    answer = journey_answer(definition, report(definition, Question(now=NOW, segment="properties.plan")))

    begun = {
        person: reached
        for person, reached in naive_times(definition, events).items()
        if reached[0] is not None
    }
    people = list(begun.values())
    assert {name: answer[name] for name in figures(definition, people)} == figures(definition, people)
    for number, stage in list(enumerate(answer["milestones"]))[1:]:
        assert without_p90(stage) == stage_figures(definition, people, number)
    assert [bar["people"] for bar in answer["distribution"]] == bars(definition, people)
    plans = first_plans(definition, events)
    by_plan: dict[str | None, list[Reached]] = defaultdict(list)
    for person, reached in begun.items():
        by_plan[plans[person]].append(reached)
    assert {row["segment"]: without_p90(row, "segment") for row in answer["segments"]} == {
        plan: figures(definition, some) for plan, some in by_plan.items()
    }
    by_week = Counter((r[0] - timedelta(days=r[0].weekday())).date().isoformat() for r in people if r[0])
    assert {row["week"]: row["people"] for row in answer["weeks"]} == by_week


def test_the_answer_over_http_and_its_period(api: ProjectClient, project: Project) -> None:
    send(api, ttf_events("ana", [4, 24, 34, 64]))
    send(api, ttf_events("bob", [10], started_ago=300))
    settle(project)
    answer = api.get("/api/v1/analytics/journeys/ttf/").json()
    assert (answer["people"], answer["completed"], answer["completion_ratio"]) == (2, 1, 0.5)
    assert (answer["median_minutes"], answer["efficiency_score"]) == (64, (87.5 + 12.5) / 2)
    assert [stage["waiting"]["people"] for stage in answer["milestones"]] == [0, 0, 1, 0, 0]
    assert answer["segments"] == []
    assert [bar["from_minutes"] for bar in answer["distribution"] if bar["people"]] == [60]
    half = (NOW - timedelta(hours=7)).isoformat().replace("+00:00", "Z")
    for query, people in (
        (f"start={half}", 1),
        (f"end={half}", 1),
        (f"start={half}&end={NOW:%Y-%m-%dT%H:%M:%SZ}", 1),
    ):
        assert api.get(f"/api/v1/analytics/journeys/ttf/?{query}").json()["people"] == people


def test_a_journey_of_nobody_has_no_ratios(api: ProjectClient) -> None:
    answer = api.get("/api/v1/analytics/journeys/ttf/?segment=tenant_id").json()
    assert (answer["people"], answer["completion_ratio"], answer["median_minutes"]) == (0, None, None)
    assert {stage["reached"] for stage in answer["milestones"]} == {0}
    assert answer["weeks"] == answer["segments"] == []


def test_more_segments_than_are_answered_are_said(api: ProjectClient, project: Project) -> None:
    definition = make_journey(project, MATCHERS)
    send(api, [Seen(60, "a", f"user-{number}", plan=f"plan-{number}") for number in range(60)])
    question = Question(now=datetime.now(UTC), segment="properties.plan")
    answer = journey_answer(definition, report(definition, question))
    assert (len(answer["segments"]), answer["segments_truncated"]) == (50, True)

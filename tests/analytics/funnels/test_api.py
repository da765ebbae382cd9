"""Funnels over HTTP: the answer's form, breakdowns, merged people, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clients import ProjectClient, client_of

FUNNEL = "/api/v1/analytics/funnel/"
MOMENT = (datetime.now(UTC) - timedelta(hours=3)).replace(second=0, microsecond=0)


def send(api: ProjectClient, *events: tuple[str | None, str, float], **more: Any) -> None:
    """Events of (user, name, minutes after MOMENT)."""
    batch = [
        {
            "event_name": name,
            "user_id": user,
            "timestamp": (MOMENT + timedelta(minutes=minutes)).isoformat(),
            **more,
        }
        for user, name, minutes in events
    ]
    answer = api.post("/api/v1/events", {"events": batch})
    assert answer.json()["accepted"] == len(events), answer.content


def ask(api: ProjectClient, *names: str, **more: Any) -> dict[str, Any]:
    answer = api.post(FUNNEL, {"steps": [{"event_name": name} for name in names], **more})
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def counts(answer: dict[str, Any]) -> list[int]:
    return [step["count"] for step in answer["steps"]]


def test_the_answer_counts_people_and_times_their_steps(api: ProjectClient) -> None:
    send(
        api,
        ("ana", "signup", 0),
        ("ana", "paid", 10),
        ("bo", "signup", 1),
        ("bo", "seen", 2),
        ("bo", "paid", 31),
    )
    send(api, ("cy", "signup", 5), ("dan", "paid", 6), ("dan", "signup", 7))
    assert ask(api, "signup", "paid") == {
        "steps": [
            {
                "name": "signup",
                "count": 4,
                "conversion_ratio": 1.0,
                "step_conversion_ratio": 1.0,
                "median_seconds": None,
                "mean_seconds": None,
            },
            {
                "name": "paid",
                "count": 2,
                "conversion_ratio": 0.5,
                "step_conversion_ratio": 0.5,
                "median_seconds": 1200.0,
                "mean_seconds": 1200.0,
            },
        ],
        "total_median_seconds": 1200.0,
        "total_mean_seconds": 1200.0,
    }


def test_nobody_has_no_ratio_and_no_time(api: ProjectClient) -> None:
    answer = ask(api, "signup", "paid")
    assert counts(answer) == [0, 0]
    assert {
        answer["steps"][1][name] for name in ("conversion_ratio", "step_conversion_ratio", "mean_seconds")
    } == {None}
    assert (answer["total_median_seconds"], answer["total_mean_seconds"]) == (None, None)


def test_a_second_visit_converts_where_the_first_one_is_out_of_the_window(api: ProjectClient) -> None:
    send(api, ("ana", "visit", 0), ("ana", "visit", 100), ("ana", "paid", 105))
    answer = ask(api, "visit", "paid", window_minutes=10)
    assert counts(answer) == [1, 1]
    assert answer["total_median_seconds"] == 300.0
    assert ask(api, "visit", "paid")["total_median_seconds"] == 105 * 60


def test_strict_and_any_order_read_the_same_events_differently(api: ProjectClient) -> None:
    send(api, ("ana", "a", 0), ("ana", "x", 1), ("ana", "b", 2), ("bo", "b", 0), ("bo", "a", 1))
    assert counts(ask(api, "a", "b")) == [2, 1]
    assert counts(ask(api, "a", "b", order="strict")) == [2, 0]
    answer = ask(api, "a", "b", order="any")
    assert counts(answer) == [2, 2]
    assert [step["name"] for step in answer["steps"]] == ["any 1 of 2", "any 2 of 2"]


def test_an_excluded_event_breaks_the_way_only_where_it_lies_between_the_steps_named(
    api: ProjectClient,
) -> None:
    send(api, ("ana", "a", 0), ("ana", "b", 1), ("ana", "x", 2), ("ana", "c", 3))
    for steps, expected in [((1, 2), [1, 1, 1]), ((2, 3), [1, 1, 0]), ((1, 3), [1, 1, 0])]:
        exclusion = {"event_name": "x", "from_step": steps[0], "to_step": steps[1]}
        assert counts(ask(api, "a", "b", "c", exclusions=[exclusion])) == expected


def test_a_step_may_have_a_name_alternatives_and_a_limit_of_its_own(api: ProjectClient) -> None:
    send(api, ("ana", "signup", 0), ("ana", "paid", 4), ("bo", "signup", 0), ("bo", "donated", 6))
    paid = {"name": "gave money", "any_of": [{"event_name": "paid"}, {"event_name": "donated"}]}
    for minutes, expected in [(None, 2), (6, 2), (5.99, 1), (1, 0)]:
        steps = [{"event_name": "signup"}, {**paid, "within_minutes": minutes}]
        answer = api.post(FUNNEL, {"steps": steps}).json()
        assert answer["steps"][1]["name"] == "gave money"
        assert answer["steps"][1]["count"] == expected


def test_a_step_of_many_alternatives_is_called_by_the_first_of_them(api: ProjectClient) -> None:
    names = [f"an event with a long name, number {number}" for number in range(50)]
    step = {"any_of": [{"event_name": name} for name in names]}
    (answered,) = api.post(FUNNEL, {"steps": [step]}).json()["steps"]
    assert answered["name"].startswith(f"{names[0]} or {names[1]}")
    assert len(answered["name"]) == 200


def test_anonymous_visits_belong_to_the_person_they_turned_out_to_be(api: ProjectClient) -> None:
    send(api, (None, "visit", 0), anonymous_id="phone")
    send(api, (None, "visit", 1), anonymous_id="laptop")
    send(api, ("ana", "paid", 5))
    assert counts(ask(api, "visit", "paid")) == [2, 0]
    api.post("/v1/identify", {"userId": "ana", "anonymousId": "phone", "traits": {}})
    assert counts(ask(api, "visit", "paid")) == [2, 1]
    api.post("/v1/identify", {"userId": "ana", "anonymousId": "laptop", "traits": {}})
    assert counts(ask(api, "visit", "paid")) == [1, 1]


def test_the_unit_may_be_a_session_a_tenant_or_any_property(api: ProjectClient) -> None:
    send(api, ("ana", "a", 0), tenant_id="t1", session_id="s1", properties={"cart": "c1"})
    send(api, ("bo", "b", 1), tenant_id="t1", session_id="s2", properties={"cart": "c1"})
    units = {"user_id": [1, 0], "tenant_id": [1, 1], "session_id": [1, 0], "properties.cart": [1, 1]}
    assert {unit: counts(ask(api, "a", "b", unit=unit)) for unit in units} == units


def by_value(answer: dict[str, Any]) -> dict[str | None, list[int]]:
    return {group["value"]: counts(group) for group in answer["breakdown"]}


def test_a_breakdown_takes_the_value_of_the_first_the_last_or_one_step(api: ProjectClient) -> None:
    for user, sources in [("ana", ("ad", "mail")), ("bo", (None, "ad")), ("cy", ("ad",)), ("dan", (None,))]:
        for number, source in enumerate(sources):
            send(api, (user, "ab"[number], number), source=source)
    ways: list[tuple[Any, dict[str | None, list[int]]]] = [
        ("source", {"ad": [3, 2], None: [1, 0]}),
        ({"by": "source", "touch": "last"}, {"ad": [2, 1], "mail": [1, 1], None: [1, 0]}),
        ({"by": "source", "touch": "step", "step": 2}, {"ad": [1, 1], "mail": [1, 1]}),
    ]
    for breakdown, expected in ways:
        answer = ask(api, "a", "b", breakdown=breakdown)
        assert counts(answer) == [4, 2]
        assert by_value(answer) == expected
        assert answer["breakdown_truncated"] is False


def test_a_trend_has_the_figures_of_each_day_or_week_in_which_somebody_began(api: ProjectClient) -> None:
    day = 24 * 60
    monday = MOMENT - timedelta(days=14 + MOMENT.weekday())
    shift = (monday - MOMENT) / timedelta(minutes=1)
    send(api, ("ana", "a", shift), ("ana", "b", shift + 3 * day), ("bo", "a", shift + 6 * day))
    send(api, ("cy", "a", shift + 7 * day), ("dan", "b", shift))
    midnight = monday.replace(hour=0, minute=0)
    for trend, expected in [
        ("day", {0: [1, 1], 6: [1, 0], 7: [1, 0]}),
        ("week", {0: [2, 1], 7: [1, 0]}),
    ]:
        answer = ask(api, "a", "b", trend=trend)
        found = {
            (datetime.fromisoformat(one["start"]) - midnight) // timedelta(days=1): counts(one)
            for one in answer["trend"]
        }
        assert found == expected


def test_a_range_is_compared_with_the_equally_long_one_before(api: ProjectClient) -> None:
    send(
        api,
        ("ana", "a", -15),
        ("ana", "b", -11),
        ("bo", "a", -5),
        ("bo", "b", 1),
        ("cy", "a", 9.99),
        ("cy", "b", 10),
    )
    span = {"start": MOMENT.isoformat(), "end": (MOMENT + timedelta(minutes=10)).isoformat()}
    answer = ask(api, "a", "b", compare=True, **span)
    assert (counts(answer), counts(answer["previous"])) == ([1, 0], [1, 0])
    span["start"] = (MOMENT - timedelta(minutes=10)).isoformat()
    answer = ask(api, "a", "b", compare=True, **span)
    assert (counts(answer), counts(answer["previous"])) == ([2, 1], [1, 1])


def test_the_people_behind_a_number_are_told_by_name(api: ProjectClient) -> None:
    send(
        api, ("ana", "a", 0), ("ana", "b", 5), ("bo", "a", 1), ("cy", "a", 2), ("cy", "b", 3), ("dan", "b", 4)
    )
    steps = {"steps": [{"event_name": "a"}, {"event_name": "b"}]}
    answer = api.post(f"{FUNNEL}people/", {**steps, "step": 2}).json()
    assert answer["count"] == 2
    assert [one["unit"] for one in answer["results"]] == ["cy", "ana"]
    assert answer["results"][1] == {
        "unit": "ana",
        "started_at": MOMENT.isoformat().replace("+00:00", "Z"),
        "reached_at": (MOMENT + timedelta(minutes=5)).isoformat().replace("+00:00", "Z"),
        "steps": 2,
    }
    lost = api.post(f"{FUNNEL}people/", {**steps, "step": 2, "lost": True, "limit": 5}).json()
    assert [one["unit"] for one in lost["results"]] == ["bo"]
    assert api.post(f"{FUNNEL}people/", {**steps, "limit": 1}).json()["count"] == 3


@pytest.mark.parametrize(
    "change", [{"step": 3}, {"step": 1, "lost": True}, {"limit": 0}, {"lost": 1}, {"colour": 1}]
)
def test_people_of_no_step_are_refused(api: ProjectClient, change: dict[str, Any]) -> None:
    answer = api.post(f"{FUNNEL}people/", {"steps": [{"event_name": "a"}, {"event_name": "b"}], **change})
    assert answer.status_code == 400
    assert next(reversed(change)) in answer.json()["detail"] or "step" in answer.json()["detail"]


def test_a_project_s_funnel_has_only_its_own_events(api: ProjectClient, other_api: ProjectClient) -> None:
    send(api, ("ana", "a", 0))
    send(other_api, ("ana", "b", 1))
    assert counts(ask(api, "a", "b")) == [1, 0]
    assert counts(ask(other_api, "b")) == [1]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "steps"),
    ({"steps": []}, "steps"),
    ({"steps": [{"event_name": "a"}] * 21}, "steps"),
    ({"steps": [{"event_name": "a"}] * 9, "order": "any"}, "steps"),
    ({"steps": [{"event_nam": "a"}]}, "steps[0].event_nam"),
    ({"steps": [{"event_name": "a", "filters": {"plan": 1}}]}, "steps[0].filters.plan"),
    ({"steps": [{"event_name": "a", "within_minutes": 5}]}, "steps[0].within_minutes"),
    ({"steps": [{"event_name": "a", "name": []}]}, "steps[0].name"),
    ({"steps": [{"event_name": "a", "name": "\0"}]}, "steps[0].name"),
    ({"colour": 1}, "colour"),
    ({"order": "random"}, "order"),
    ({"window_minutes": 0}, "window_minutes"),
    ({"window_minutes": "5"}, "window_minutes"),
    ({"unit": "person_name"}, "unit"),
    ({"unit": 5}, "unit"),
    ({"exclusions": [{"event_name": "x", "from_step": 2, "to_step": 2}]}, "exclusions[0].to_step"),
    ({"exclusions": [{"event_name": "x", "to_step": 3}]}, "exclusions[0].to_step"),
    ({"exclusions": [{"from_step": 1}]}, "exclusions[0]"),
    ({"breakdown": "colour"}, "breakdown"),
    ({"breakdown": {"by": "source", "touch": "middle"}}, "breakdown.touch"),
    ({"breakdown": {"by": "source", "step": 1}}, "breakdown.step"),
    ({"trend": "hour"}, "trend"),
    ({"compare": 1}, "compare"),
    ({"compare": True}, "compare"),
    ({"step": 1}, "step"),
    ({"start": "yesterday"}, "start"),
    ({"start": "2026-02-01", "end": "2026-01-01"}, "start"),
]


@pytest.mark.parametrize(
    ("change", "key"), WRONG, ids=[f"{key}-{number}" for number, (_, key) in enumerate(WRONG)]
)
def test_what_is_wrong_is_refused_by_its_key(api: ProjectClient, change: dict[str, Any], key: str) -> None:
    good = {"steps": [{"event_name": "a"}, {"event_name": "b"}]} if change else {}
    answer = api.post(FUNNEL, {**good, **change})
    assert answer.status_code == 400, answer.content
    assert answer.json()["detail"].startswith(f"{key}: ")


@pytest.mark.parametrize("body", [b"[]", b"5", b"", b"{", b'{"steps": [{"event_name": "\\u0000"}]}'])
def test_a_body_that_is_no_funnel_is_refused(api: ProjectClient, body: bytes) -> None:
    assert api.post(FUNNEL, body).status_code == 400


def test_reading_needs_the_scope_read(api: ProjectClient) -> None:
    body = {"steps": [{"event_name": "a"}]}
    assert client_of(api.project, ["read"]).post(FUNNEL, body).status_code == 200
    assert client_of(api.project, ["ingest", "manage"]).post(FUNNEL, body).status_code == 403
    assert api.post(f"{FUNNEL}?colour=1", body).status_code == 400
    assert api.get(FUNNEL).status_code == 405

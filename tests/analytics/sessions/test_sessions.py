"""Sessions over HTTP."""

from __future__ import annotations

import base64
import statistics
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projects.models import Project
from tests.analytics import naive
from tests.analytics.funnels.test_random import EVENT, LINKS, link, send
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db

SESSIONS = "/api/v1/analytics/sessions/"
MOMENT = (datetime.now(UTC) - timedelta(hours=9)).replace(second=0, microsecond=0)

BEYOND_ALL_TIME = base64.urlsafe_b64encode(b'["9999-12-31T23:59:59-23:00","ana","s",1]').decode()
"""A cursor that somebody made up."""


def post(api: ProjectClient, *events: dict[str, Any]) -> None:
    """Events of ana, with `at` in minutes after MOMENT."""
    batch = [
        {
            "user_id": "ana",
            "event_name": "seen",
            "timestamp": (MOMENT + timedelta(minutes=event["at"])).isoformat(),
            **{name: value for name, value in event.items() if name != "at"},
        }
        for event in events
    ]
    answer = api.post("/api/v1/events", {"events": batch})
    assert answer.json()["accepted"] == len(events), answer.content


def ask(api: ProjectClient, **query: Any) -> dict[str, Any]:
    answer = api.get(f"{SESSIONS}?{urlencode(query)}")
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def totals(answer: dict[str, Any]) -> tuple[int, int, float | None]:
    return answer["sessions"], answer["units"], answer["median_seconds"]


def test_a_gap_of_more_than_half_an_hour_begins_another_session(api: ProjectClient) -> None:
    post(api, {"at": 0}, {"at": 30}, {"at": 60.001}, {"at": 200, "user_id": "bo"})
    assert totals(ask(api)) == (3, 2, 0.0)
    assert [one["duration_seconds"] for one in ask(api)["results"]] == [0.0, 0.0, 1800.0]
    *counts, median_seconds = totals(ask(api, gap_minutes=31))
    assert counts == [2, 2]
    assert median_seconds == pytest.approx((60.001 * 60) / 2, abs=1e-3)


def test_the_gap_is_a_setting_of_the_project_and_a_question_may_name_another(
    api: ProjectClient, project: Project
) -> None:
    post(api, {"at": 0}, {"at": 20})
    assert ask(api)["sessions"] == 1
    Project.objects.filter(pk=project.pk).update(session_gap_minutes=19)
    assert ask(api)["sessions"] == 2
    assert ask(api, gap_minutes=20)["sessions"] == 1


def test_sessions_go_on_until_nobody_has_heard_of_them_for_the_gap(api: ProjectClient) -> None:
    now = (datetime.now(UTC) - MOMENT) / timedelta(minutes=1)
    post(
        api,
        {"at": now - 31, "user_id": "gone"},
        {"at": now - 29},
        {"at": now - 1},
        {"at": now - 400, "user_id": "bo", "session_id": "long"},
        {"at": now - 2, "user_id": "bo", "session_id": "long"},
        {"at": now - 2, "user_id": "bo"},
        {"at": now + 5, "user_id": None, "session_id": "clock-ahead"},
    )
    assert ask(api)["active_sessions"] == 4
    assert ask(api, unit="session_id")["active_sessions"] == 2
    assert ask(api, gap_minutes=40, end=MOMENT.isoformat())["active_sessions"] == 5


def test_a_session_tells_where_it_began_and_ended_and_what_was_seen(api: ProjectClient) -> None:
    page = {"event_type": "page", "event_name": "page"}
    post(
        api,
        {"at": 0, "event_name": "opened", "session_id": "s", "source": "web"},
        {"at": 1, **page, "session_id": "s", "properties": {"path": "/home"}},
        {"at": 120, **page, "session_id": "s", "properties": {"path": "/pay"}},
        {"at": 121, "event_name": "closed", "session_id": "s"},
        {"at": 121, "event_name": "other"},
    )
    (other, session) = ask(api)["results"]
    assert (other["session_id"], other["entry"], other["exit"]) == (None, "other", "other")
    assert session == {
        "unit": "ana",
        "session_id": "s",
        "started_at": MOMENT.isoformat().replace("+00:00", "Z"),
        "ended_at": (MOMENT + timedelta(minutes=121)).isoformat().replace("+00:00", "Z"),
        "duration_seconds": 121 * 60.0,
        "event_count": 4,
        "page_view_count": 2,
        "entry": "/home",
        "exit": "/pay",
        "source": "web",
    }


def test_whose_sessions_are_those_of_people_else_of_nobody_s_session(api: ProjectClient) -> None:
    post(
        api,
        {"at": 0, "user_id": None, "session_id": "s"},
        {"at": 0, "user_id": None, "anonymous_id": "phone"},
        {"at": 0, "user_id": None},
    )
    assert sorted(one["unit"] for one in ask(api)["results"]) == ["phone", "s"]
    api.post("/v1/alias", {"userId": "ana", "previousId": "phone"})
    assert sorted(one["unit"] for one in ask(api, end=MOMENT + timedelta(hours=1))["results"]) == ["ana", "s"]


def test_pages_hold_every_session_once(api: ProjectClient) -> None:
    post(api, *[{"at": number // 3, "user_id": f"u{number}"} for number in range(25)])
    following: str | None = f"{SESSIONS}?page_size=4"
    seen: list[str] = []
    while following:
        answer = api.get(following).json()
        assert answer["sessions"] == 25
        seen += [one["unit"] for one in answer["results"]]
        following = answer["next"]
    assert sorted(seen) == sorted(f"u{number}" for number in range(25))
    assert len(ask(api, page_size=25)["results"]) == 25
    assert ask(api, page_size=25)["next"] is None


def test_no_events_make_no_sessions(api: ProjectClient, other_api: ProjectClient) -> None:
    post(other_api, {"at": 0})
    assert ask(api) == {
        "sessions": 0,
        "units": 0,
        "median_seconds": None,
        "active_sessions": 0,
        "next": None,
        "results": [],
    }


@pytest.mark.parametrize(
    "query",
    [
        "colour=1",
        "unit=colour",
        "unit=tags.",
        "gap_minutes=0",
        "gap_minutes=nan",
        "page_size=1001",
        "cursor=abc",
        "cursor=WyIyMDI2Iiw",
        f"cursor={BEYOND_ALL_TIME}",
        "start=yesterday",
        "start=2026-02-01&end=2026-01-01",
    ],
)
def test_what_makes_no_sense_is_refused(api: ProjectClient, query: str) -> None:
    answer = api.get(f"{SESSIONS}?{query}")
    assert answer.status_code == 400, answer.content


def test_reading_needs_the_scope_read(api: ProjectClient) -> None:
    assert client_of(api.project, ["ingest"]).get(SESSIONS).status_code == 403


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sent=st.lists(EVENT, min_size=1, max_size=16),
    links=LINKS,
    unit=st.sampled_from(["user_id", "tenant_id"]),
    minutes=st.integers(1, 3),
)
def test_sessions_agree_with_plain_python(
    db: None, sent: list[dict[str, Any]], links: dict[str, str], unit: str, minutes: int
) -> None:
    api = client_of(make_project("sessions"))
    stored, made = send(api, sent), link(api, links)
    if unit == "user_id":
        # Nobody's session stands for somebody.
        named = ("user_id", "anonymous_id")
        stored = [
            event if any(event[name] for name in named) else {**event, "user_id": event["session_id"]}
            for event in stored
        ]
    units = naive.by_unit(stored, unit, made)
    sessions = [
        (name, one)
        for name, events in units.items()
        for one in naive.sessions_of(events, timedelta(minutes=minutes))
    ]
    seconds = [(one[-1]["timestamp"] - one[0]["timestamp"]).total_seconds() for _, one in sessions]
    median = statistics.median(seconds) if seconds else None
    answer = ask(api, unit=unit, gap_minutes=minutes, page_size=100)
    assert totals(answer) == (len(sessions), len(units), median)
    assert sorted(map(_told, answer["results"])) == sorted(_expected(name, one) for name, one in sessions)


def _told(session: dict[str, Any]) -> tuple[Any, ...]:
    named = ("unit", "started_at", "duration_seconds", "event_count", "entry", "exit")
    return (session["session_id"] or "", *(session[name] for name in named))


def _expected(unit: str, session: list[naive.Event]) -> tuple[Any, ...]:
    first, last = session[0], session[-1]
    return (
        first.get("session_id") or "",
        unit,
        first["timestamp"].isoformat().replace("+00:00", "Z"),
        (last["timestamp"] - first["timestamp"]).total_seconds(),
        len(session),
        first["event_name"],
        last["event_name"],
    )

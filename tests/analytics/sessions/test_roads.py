"""Session pieces and raw events, in whatever mix, answer what plain Python says of the same events."""

from __future__ import annotations

import statistics
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from analytics.sessions import arrays, listing, packed_road, pieces
from analytics.sessions.answers import DURATIONS_SECONDS
from analytics.sessions.arrays import TooMuch, in_order, places_of_each
from analytics.sessions.question import Question
from analytics.sessions.roads import read
from projects import turns
from storage.rollups.windows import Window
from tests.analytics import naive
from tests.analytics.funnels.test_random import LINKS, link, send
from tests.analytics.funnels.test_roads import MOMENT, WHO, begin_before, do, sent
from tests.analytics.sessions.test_sessions import SESSIONS
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project
from tests.projects.test_turns import a_large_one

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("event-watermark")]

HALF_MINUTE = timedelta(seconds=30)


def event(half_minutes: int, number: int, who: int, session: str | None) -> dict[str, Any]:
    """Of an id that nobody else has, as on Citus another's event of the same id and time is another event."""
    user, device = WHO[who]
    return {
        "event_name": f"e{number}",
        "timestamp": MOMENT + half_minutes * HALF_MINUTE,
        "id": str(uuid.UUID(int=number * len(WHO) + who)),
        "user_id": user,
        "anonymous_id": device,
        # Nobody's session may have somebody's name.
        "session_id": session,
    }


EVENTS = st.lists(
    st.builds(
        event,
        # Five minutes of one hour, then all of the next and more.
        st.integers(0, 140),
        st.integers(0, 9),
        st.integers(0, len(WHO) - 1),
        st.sampled_from([None, None, "s1", "bo"]),
    ),
    min_size=1,
    max_size=8,
)
STEP = st.one_of(
    EVENTS,
    # Before, between and after the events; what is sent for an earlier time then is late.
    st.sampled_from([-2, 3, 5, 30, 65, 130]).map(lambda minutes: ("advance", minutes)),
    st.sampled_from([("recompute", 0), ("killed", 0), ("rebuild", 0)]),
)
PLAN = st.tuples(EVENTS, st.lists(STEP, min_size=2, max_size=5), EVENTS).map(
    lambda frame: [frame[0], *frame[1], frame[2]]
)
LIMITS = [(0, arrays.PART), (pieces.MAX_PIECES, arrays.PART), (pieces.MAX_PIECES, 2)]
"""All pieces are too many; they are put together at once; in parts."""

EDGES = st.tuples(st.sampled_from([None, 0, 4.5, 5, 31.5]), st.sampled_from([None, 33, 65, 70]))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    plan=PLAN,
    links=LINKS,
    about=st.tuples(st.sampled_from([5, 7.5, 30]), EDGES),
    limits=st.sampled_from(LIMITS),
)
def test_sessions_over_pieces_and_raw_events_agree_with_plain_python(
    db: None,
    plan: list[Any],
    links: dict[str, str],
    about: tuple[float, tuple[float | None, float | None]],
    limits: tuple[int, int],
) -> None:
    minutes, edges = about
    api, gap = client_of(make_project("roads")), timedelta(minutes=minutes)
    begin_before(MOMENT - timedelta(minutes=10))
    stored = sent(api, plan)
    made = link(api, links)
    start, end = (edge if edge is None else MOMENT + timedelta(minutes=edge) for edge in edges)
    sessions = [
        (unit, one)
        for unit, events in naive.by_unit(_in_range(stored, start, end), "user_id", made).items()
        for one in naive.sessions_of(events, gap)
    ]
    question = Question(project_id=api.project.pk, gap=gap, start=start, end=end)
    assert packed_road.is_open_to(question)
    edges_of_range = {"start": start and start.isoformat(), "end": end and end.isoformat()}
    asked = {
        "gap_minutes": minutes,
        "page_size": 3,
        **{name: at for name, at in edges_of_range.items() if at},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "MAX_PIECES", limits[0])
        patch.setattr(arrays, "PART", limits[1])
        assert _figures(question) == _expected_figures(sessions)
        assert _listed(api, asked) == sorted((_expected(*one) for one in sessions), key=_place, reverse=True)


def _in_range(events: Sequence[dict[str, Any]], start: Any, end: Any) -> list[dict[str, Any]]:
    """With whose session it is where nobody is named."""
    named = ("user_id", "anonymous_id")
    return [
        one if any(one[name] for name in named) else {**one, "user_id": one["session_id"]}
        for one in events
        if (start is None or start <= one["timestamp"]) and (end is None or one["timestamp"] < end)
    ]


WINDOW = Window(MOMENT - timedelta(minutes=5), MOMENT + timedelta(minutes=85), timedelta(minutes=10))


def _figures(question: Question) -> tuple[Any, ...]:
    found = read(question, WINDOW)
    buckets = [(bucket.session_count, bucket.median_seconds) for bucket in found.buckets]
    return found.session_count, found.unit_count, found.median_seconds, buckets, list(found.durations)


def _expected_figures(sessions: Sequence[tuple[str, list[naive.Event]]]) -> tuple[Any, ...]:
    lasted: dict[int, list[float]] = {number: [] for number in range(WINDOW.bucket_count)}
    for _, events in sessions:
        number = (events[0]["timestamp"] - WINDOW.start) // WINDOW.interval
        lasted[number].append((events[-1]["timestamp"] - events[0]["timestamp"]).total_seconds())
    seconds = [one for bucket in lasted.values() for one in bucket]
    bars = zip(DURATIONS_SECONDS, [*DURATIONS_SECONDS[1:], float("inf")], strict=True)
    return (
        len(sessions),
        len({unit for unit, _ in sessions}),
        statistics.median(seconds) if seconds else None,
        [(len(one), statistics.median(one) if one else None) for one in lasted.values()],
        [sum(low <= one < high for one in seconds) for low, high in bars],
    )


def _listed(api: ProjectClient, asked: dict[str, Any]) -> list[tuple[Any, ...]]:
    """All sessions of all pages."""
    following: str | None = f"{SESSIONS}?{urlencode(asked)}"
    found: list[tuple[Any, ...]] = []
    while following:
        answer = api.get(following)
        assert answer.status_code == 200, answer.content
        found += [_told(session) for session in answer.json()["results"]]
        following = answer.json()["next"]
    return found


def _told(session: dict[str, Any]) -> tuple[Any, ...]:
    named = ("started_at", "duration_seconds", "event_count", "entry", "exit")
    return (session["unit"], session["session_id"] or "", *(session[name] for name in named))


def _expected(unit: str, events: list[naive.Event]) -> tuple[Any, ...]:
    first, last = events[0], events[-1]
    return (
        unit,
        first["session_id"] or "",
        first["timestamp"].isoformat().replace("+00:00", "Z"),
        (last["timestamp"] - first["timestamp"]).total_seconds(),
        len(events),
        first["event_name"],
        last["event_name"],
    )


def _place(told: tuple[Any, ...]) -> tuple[Any, ...]:
    unit, session, started_at, *_ = told
    return started_at, unit, session


def sent_at_once(api: ProjectClient, people: int) -> Question:
    """Everybody at one moment, of which nothing is packed."""
    begin_before(MOMENT - timedelta(minutes=10))
    everybody = [(number, {"user_id": f"u{number}", "anonymous_id": None}) for number in range(people)]
    send(api, [{**event(0, number, 0, None), **who} for number, who in everybody])
    return Question(project_id=api.project.pk, gap=timedelta(minutes=30), page_size=1)


def test_events_that_are_not_packed_yet_count_for_what_fits(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = sent_at_once(api, 3)
    monkeypatch.setattr(pieces, "MAX_PIECES", 3)
    assert len(pieces.read(question).who) == 3
    monkeypatch.setattr(pieces, "MAX_PIECES", 2)
    with pytest.raises(TooMuch):
        pieces.read(question)
    assert read(question).session_count == 3


def test_a_range_reads_the_pieces_of_its_own_hours_alone(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_before(MOMENT - timedelta(minutes=10))
    send(api, [event(minutes * 2, minutes, 0, None) for minutes in (0, 30, 70)])
    do(api.project, "advance", 130)
    whole = Question(project_id=api.project.pk, gap=timedelta(minutes=30))
    monkeypatch.setattr(pieces, "MAX_PIECES", 2)
    with pytest.raises(TooMuch):
        pieces.read(whole)
    # Of one hour as a whole and a part of another.
    in_range = replace(whole, start=MOMENT + timedelta(minutes=5), end=MOMENT + timedelta(minutes=71))
    assert len(pieces.read(in_range).who) == 2


def test_sessions_that_began_at_one_moment_are_not_all_read_for_a_page(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = sent_at_once(api, 5)
    monkeypatch.setattr(listing, "MOST_BESIDE", 3)
    with pytest.raises(TooMuch):
        packed_road.read(question, None)
    units = [unit for unit, *_ in _listed(api, {"page_size": 1})]
    assert units == ["u4", "u3", "u2", "u1", "u0"]


def test_beside_other_large_answers_only_many_sessions_are_told_to_come_again(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent_at_once(api, 3)
    monkeypatch.setattr(turns, "LONGEST_WAIT_SECONDS", 0.1)
    with a_large_one(), a_large_one():
        assert api.get("/api/v1/analytics/sessions/").json()["sessions"] == 3
        monkeypatch.setattr(pieces, "LARGE", 2)
        answer = api.get("/api/v1/analytics/sessions/")
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (429, "busy", "5")


@given(st.lists(st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(0, 40)), max_size=40))
@example([3, 2, 3, 2, 1, 3])
def test_equal_keys_are_put_together_in_the_order_they_came_in(keys: list[int]) -> None:
    order, sorted_keys = in_order(np.array(keys, np.int64))
    assert sorted_keys.tolist() == sorted(keys)
    assert order.tolist() == np.argsort(np.array(keys, np.int64), kind="stable").tolist()


@given(st.lists(st.integers(0, 299), max_size=40), st.sampled_from([300, 70_000]))
@example([], 300)
@example([1, 257, 1, 0], 300)
def test_places_of_each_number_are_where_it_stands(numbers: list[int], count: int) -> None:
    found = places_of_each(np.array(numbers, np.int64), count)
    assert len(found) == count
    places = {number: places.tolist() for number, places in enumerate(found) if len(places)}
    assert places == {
        one: [place for place, other in enumerate(numbers) if other == one] for one in set(numbers)
    }

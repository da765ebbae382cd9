"""However many events a funnel has, few of them lie in memory at once, and the answer is the same."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics import trails
from analytics.funnels import bounds, figures, packed_road, raw_road, ways
from analytics.funnels.parsing import parse_funnel
from projects import time_limits, turns
from projects.time_limits import TooCostly
from tests.analytics.funnels.test_api import MOMENT, ask, counts, send
from tests.clients import ProjectClient
from tests.projects.test_turns import a_large_one

PEOPLE = "/api/v1/analytics/funnel/people/"
NAMES = {"steps": [{"event_name": "seen"}, {"event_name": "paid"}]}
VALUES = {**NAMES, "breakdown": "tags.plan"}


@given(sizes=st.lists(st.integers(0, 5), max_size=30), most=st.integers(5, 12))
def test_parts_hold_everybody_once_and_no_more_than_they_may(sizes: list[int], most: int) -> None:
    found = bounds.parts(np.array(sizes, np.int64), most)
    assert [unit for low, high in found for unit in range(low, high)] == list(range(len(sizes)))
    assert all(sum(sizes[low:high]) <= most for low, high in found)
    # No two that follow each other could be one.
    assert all(sum(sizes[one[0] : two[1]]) > most for one, two in pairwise(found))


def test_a_unit_that_fits_in_no_part_is_refused() -> None:
    with pytest.raises(TooCostly, match="has 6 events"):
        bounds.parts(np.array([1, 6, 2]), 5)


def few_at_once(monkeypatch: pytest.MonkeyPatch, events: int, steps: int = 2) -> None:
    monkeypatch.setattr(bounds, "MOST_BYTES", events * (bounds.BYTES_AN_EVENT + bounds.BYTES_A_STEP * steps))


def send_many(api: ProjectClient) -> None:
    """Five see; three of them pay, each later than the one before."""
    people = ["ana", "bo", "cy", "dan", "eve"]
    send(api, *((who, "seen", minute) for minute, who in enumerate(people)))
    send(api, *((who, "paid", 10 + minute) for minute, who in enumerate(people[:3])))


@pytest.mark.parametrize("order", ["ordered", "any"])
def test_time_is_looked_at_while_raw_events_come(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    send_many(api)
    monkeypatch.setattr(raw_road, "AT_ONCE", 1)
    # 0.6 ms of 60 s: other statements would get another limit each time.
    monkeypatch.setattr(time_limits, "_TOLERANCE", 0.00001)
    assert counts(ask(api, "seen", "paid", order=order, breakdown="tags.plan")) == [5, 3]


@pytest.mark.parametrize("question", [NAMES, VALUES], ids=["trails", "raw events"])
def test_beside_other_large_answers_only_a_large_one_is_told_to_come_again(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch, question: dict[str, Any]
) -> None:
    send_many(api)
    monkeypatch.setattr(turns, "LONGEST_WAIT_SECONDS", 0.1)
    with a_large_one(), a_large_one():
        assert counts(api.post("/api/v1/analytics/funnel/", question).json()) == [5, 3]
        monkeypatch.setattr(packed_road, "LARGE", 1)
        monkeypatch.setattr(raw_road, "AT_ONCE", 1)
        answer = api.post("/api/v1/analytics/funnel/", question)
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (429, "busy", "5")


def test_those_who_began_last_come_first_whichever_part_they_are_in(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_many(api)
    few_at_once(monkeypatch, 2)
    answer = api.post(PEOPLE, {**NAMES, "step": 1, "limit": 3}).json()
    assert answer["count"] == 5
    assert [one["unit"] for one in answer["results"]] == ["eve", "dan", "cy"]
    assert [one["steps"] for one in answer["results"]] == [1, 1, 2]
    assert datetime.fromisoformat(answer["results"][2]["started_at"]).minute == (MOMENT.minute + 2) % 60


@pytest.mark.parametrize("question", [NAMES, VALUES], ids=["trails", "raw events"])
def test_somebody_with_more_events_than_fit_is_told_in_words(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch, question: dict[str, Any]
) -> None:
    send_many(api)
    few_at_once(monkeypatch, 1)
    monkeypatch.setattr(bounds, "BYTES_A_VALUE", 0)
    answer = api.post("/api/v1/analytics/funnel/", question)
    assert (answer.status_code, answer.json()["code"]) == (400, "too_costly")
    assert "has 2 events of this funnel" in answer.json()["detail"]


def test_more_newcomers_than_names_are_kept_for_are_counted_from_raw_events(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_many(api)
    monkeypatch.setattr(trails, "MAX_NEWCOMERS", 2)
    assert counts(ask(api, "seen", "paid")) == [5, 3]


def test_groups_are_put_together_from_all_parts(api: ProjectClient, monkeypatch: pytest.MonkeyPatch) -> None:
    send(api, ("ana", "seen", 0), ("bo", "seen", 0), ("bo", "paid", 8), tags={"plan": "tin"})
    send(api, ("cy", "seen", 0), ("cy", "paid", 2), tags={"plan": "gold"})
    send(api, ("dan", "seen", 0), ("dan", "paid", 4), tags={"plan": "tin"})
    monkeypatch.setattr(raw_road, "AT_ONCE", 1)
    found = api.post("/api/v1/analytics/funnel/", VALUES).json()["breakdown"]
    assert [(group["value"], counts(group), group["total_median_seconds"]) for group in found] == [
        ("tin", [3, 2], 360),
        ("gold", [1, 1], 120),
    ]


@pytest.mark.parametrize(
    ("bound", "question", "words"),
    [("MOST_TIMES", NAMES, "More than 2 began"), ("MOST_VALUES", VALUES, "more than 1 values")],
)
def test_what_can_not_be_kept_of_units_is_told_in_words(
    api: ProjectClient,
    monkeypatch: pytest.MonkeyPatch,
    bound: str,
    question: dict[str, Any],
    words: str,
) -> None:
    send_many(api)
    send(api, ("flo", "seen", 5), tags={"plan": "gold"})
    monkeypatch.setattr(ways, bound, {"MOST_TIMES": 4, "MOST_VALUES": 1}[bound])
    answer = api.post("/api/v1/analytics/funnel/", question)
    assert (answer.status_code, answer.json()["code"]) == (400, "too_costly")
    assert words in answer.json()["detail"]


def test_means_of_many_years_are_exact() -> None:
    lasted_us = [3 * 10**17, 3 * 10**17 + 1, 2**62, 5] * 100
    times_us = np.array([[0, one] for one in lasted_us])
    many = ways.Ways(times_us, np.zeros(len(times_us), np.int32), [])
    found = figures.figures(many, parse_funnel(NAMES))
    assert found["total_mean_seconds"] == round(sum(lasted_us) / len(lasted_us) / 1e6, 6)

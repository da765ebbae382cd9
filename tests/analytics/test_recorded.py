"""Funnels and sessions of real logs equal the answers that were computed beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.analytics import recorded
from tests.clients import ProjectClient

pytestmark = [
    pytest.mark.skipif(
        not recorded.FOLDER.exists(), reason="the recorded logs (shared/data/open) are not on this machine"
    ),
    # They make and drop hundreds of partitions: one after the other, so that none drops another one's.
    pytest.mark.xdist_group("recorded_logs"),
]


@pytest.fixture
def old_days(django_db_setup: None) -> Iterator[None]:
    """Asked for before the database, so that the test's transaction is over when they are dropped.

    Not kept for the next log: making a day costs most here, and the more, the more days there are.
    """
    yield
    recorded.forget_old_days()


@pytest.mark.parametrize(
    "name", ["bpi2020_PrepaidTravelCost.csv", "helpdesk.csv", "bpi2020_DomesticDeclarations.csv"]
)
def test_funnels_of_real_processes_are_the_reference_s(old_days: None, api: ProjectClient, name: str) -> None:
    reference = recorded.answers("eventlogs", name)
    recorded.keep_for_ever(api)
    assert recorded.send(api, recorded.cases(name)) == reference["events"]
    for funnel in reference["funnels"]:
        steps = [{"event_name": step} for step in funnel["steps"]]
        answer = api.post("/api/v1/analytics/funnel/", {"steps": steps}).json()
        assert found(answer) == (funnel["cases_reaching_step"], funnel["first_to_last_seconds"])


def found(answer: dict[str, Any]) -> tuple[list[int], dict[str, float]]:
    """The reference has means with three decimals."""
    steps = [step["count"] for step in answer["steps"]]
    total = {
        "n": steps[-1],
        "median": answer["total_median_seconds"],
        "mean": round(answer["total_mean_seconds"], 3),
    }
    return steps, total


def test_sessions_of_a_real_web_site_are_the_reference_s(old_days: None, api: ProjectClient) -> None:
    name = "apache_access_semicomplete.log"
    reference = recorded.answers("weblogs", name)
    recorded.keep_for_ever(api)
    assert recorded.send(api, recorded.requests(name)) == reference["requests"]
    for unit in ("source_ip", "user_id"):
        query = urlencode({"unit": unit, "start": "2015-05-01", "end": "2015-06-01"})
        answer = api.get(f"/api/v1/analytics/sessions/?{query}").json()
        assert answer["sessions"] == reference["sessions_30min_gap"]
        assert answer["units"] == reference["visitors_by_ip"]

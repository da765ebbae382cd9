"""Points and series are read back by filters and in keyset pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.clients import ProjectClient

METRICS = "/api/v1/metrics"
SERIES = "/api/v1/metrics/series"
MOMENT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=5)


def send(api: ProjectClient, *points: dict[str, Any]) -> None:
    batch = [
        {"metric_name": "x", "metric_value": number, "timestamp": MOMENT.isoformat(), **fields}
        for number, fields in enumerate(points)
    ]
    answer = api.post(METRICS, {"metrics": batch})
    assert answer.json()["accepted"] == len(points), answer.content


def values(api: ProjectClient, query: str) -> list[float]:
    return [row["metric_value"] for row in api.results(f"{METRICS}/?{query}")]


def test_pages_go_through_more_rows_of_one_time_than_a_page_holds(api: ProjectClient) -> None:
    send(api, *[{"host_name": f"h{number}"} for number in range(25)])
    assert sorted(values(api, "page_size=10")) == list(range(25))


def test_previous_leads_back_over_the_same_rows(api: ProjectClient) -> None:
    send(api, *[{"host_name": f"h{number}"} for number in range(15)])
    first = api.get(f"{METRICS}?page_size=10").json()
    second = api.get(first["next"]).json()
    assert (first["previous"], second["next"]) == (None, None)
    assert api.get(second["previous"]).json()["results"] == first["results"]


def test_points_come_newest_first(api: ProjectClient) -> None:
    send(api, *[{"timestamp": (MOMENT + timedelta(minutes=n)).isoformat()} for n in (1, 3, 2)])
    assert values(api, "") == [1, 2, 0]


def test_a_page_of_points_costs_as_many_queries_whatever_series_they_are_of(api: ProjectClient) -> None:
    send(api, *[{"host_name": f"h{number}"} for number in range(40)])
    api.get(METRICS)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert len(api.get(f"{METRICS}?page_size=40").json()["results"]) == 40
    assert len(queries) == 1


@pytest.mark.parametrize("field", ["metric_name", "metric_unit", "service_name", "host_name", "instance_id"])
def test_each_field_filters_points_and_series(api: ProjectClient, field: str) -> None:
    # The unit is no part of the identity of a series, so the two differ in a tag as well.
    send(api, {field: "wanted & found", "tags": {"n": 1}}, {field: "other", "tags": {"n": 2}})
    for path in (METRICS, SERIES):
        (found,) = api.results(f"{path}/?{field}={quote('wanted & found')}")
        assert found[field] == "wanted & found"


def test_type_and_tags_filter_points_and_series(api: ProjectClient) -> None:
    send(api, {"metric_type": "counter", "tags": {"n": 7, "5": "five"}}, {"tags": {"n": 8}})
    for path in (METRICS, SERIES):
        for query in ("metric_type=counter", "tags.n=7", "tags.5=five"):
            (found,) = api.results(f"{path}/?{query}")
            assert found["tags"]["n"] == "7", query
        assert api.results(f"{path}/?tags.n=nine") == []


def test_start_is_inside_and_end_is_outside(api: ProjectClient) -> None:
    send(api, *[{"timestamp": (MOMENT + timedelta(minutes=n)).isoformat()} for n in range(4)])
    start, end = MOMENT + timedelta(minutes=1), MOMENT + timedelta(minutes=3)
    assert values(api, f"start={start.timestamp()}&end={quote(end.isoformat())}") == [2, 1]


BAD_QUERIES = [
    "colour=red",
    "start=yesterday",
    "page_size=0",
    "page_size=1001",
    "cursor=nonsense",
    "host_name=%00",
    "tags.%00=1",
]


@pytest.mark.parametrize("path", [METRICS, SERIES])
@pytest.mark.parametrize("query", BAD_QUERIES)
def test_what_cannot_be_asked_is_400(api: ProjectClient, path: str, query: str) -> None:
    answer = api.get(f"{path}/?{query}")
    assert answer.status_code == 400
    assert set(answer.json()) >= {"detail", "code"}


def test_a_tag_named_like_a_huge_number_is_just_a_name(api: ProjectClient) -> None:
    send(api, {"tags": {"99999999999999999999": "x"}})
    assert values(api, "tags.99999999999999999999=x") == [0]


def test_one_series_is_read_by_the_id_its_points_carry(api: ProjectClient, other_api: ProjectClient) -> None:
    send(api, {"host_name": "web-1", "metric_unit": "percent"})
    (point,) = api.results(METRICS)
    series = api.get(f"{SERIES}/{point['series_id']}/").json()
    assert (series["metric_name"], series["metric_unit"], series["host_name"]) == ("x", "percent", "web-1")
    assert api.results(SERIES) == [series]
    assert other_api.get(f"{SERIES}/{point['series_id']}/").status_code == 404
    assert other_api.results(SERIES) == other_api.results(METRICS) == []


@pytest.mark.parametrize(
    "identifier", ["0", "-1", "x", "9223372036854775807", "9223372036854775808", "9" * 5000, "%00", "٣"]
)
def test_an_id_that_is_not_there_is_404(api: ProjectClient, identifier: str) -> None:
    answer = api.get(f"{SERIES}/{quote(identifier, safe='%')}/")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_series_page_through_and_come_newest_first(api: ProjectClient) -> None:
    send(api, *[{"host_name": f"h{number}"} for number in range(12)])
    send(api, {"host_name": "newest"})
    rows = api.results(f"{SERIES}/?page_size=5")
    assert len(rows) == 13
    assert rows[0]["host_name"] == "newest"


def test_other_methods_are_405(api: ProjectClient) -> None:
    assert api.send("DELETE", METRICS).status_code == 405
    assert api.send("POST", SERIES).status_code == 405

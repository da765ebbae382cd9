"""Business metrics: a number over a period, replaced where a better one comes in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.clients import ProjectClient, counts, places

BUSINESS = "/api/v1/business-metrics"
START = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=3)


def metric(value: float = 100.0, **fields: Any) -> dict[str, Any]:
    return {
        "metric_name": "revenue",
        "metric_value": value,
        "period_start": START.isoformat(),
        "period_end": (START + timedelta(days=1)).isoformat(),
        **fields,
    }


def send(api: ProjectClient, *metrics: dict[str, Any]) -> Any:
    return api.post(BUSINESS, {"metrics": list(metrics)})


def test_a_posted_metric_is_read_back_with_everything_it_carried(api: ProjectClient) -> None:
    sent = metric(
        metric_category="sales",
        metric_unit="money",
        currency="EUR",
        period_type="daily",
        calculation_method="sum of paid orders",
        tenant_id="t1",
        dimensions={"country": "DE", "plans": ["a", "b"]},
    )
    assert counts(send(api, sent)) == (1, 0, 0)
    (stored,) = api.results(BUSINESS + "/")
    assert api.get(f"{BUSINESS}/{stored['id']}/").json() == stored
    for name in ("period_start", "period_end"):
        assert datetime.fromisoformat(stored.pop(name)) == datetime.fromisoformat(sent.pop(name))
    assert {name: stored[name] for name in sent} == sent
    assert stored["revision"] == 1


def test_the_same_value_is_a_duplicate_and_another_value_replaces_it(api: ProjectClient) -> None:
    assert counts(send(api, metric(100))) == (1, 0, 0)
    (first,) = api.results(BUSINESS)
    assert counts(send(api, metric(100))) == (0, 1, 0)
    assert counts(send(api, metric(120))) == (1, 0, 0)
    (row,) = api.results(BUSINESS)
    assert (row["id"], row["metric_value"], row["revision"]) == (first["id"], 120, 2)


def test_several_values_for_one_period_in_one_batch_leave_the_last(api: ProjectClient) -> None:
    assert counts(send(api, metric(1), metric(2), metric(2), metric(3))) == (3, 1, 0)
    (row,) = api.results(BUSINESS)
    assert (row["metric_value"], row["revision"]) == (3, 3)


@pytest.mark.parametrize(
    "change",
    [
        {"metric_name": "costs"},
        {"metric_category": "sales"},
        {"period_start": (START - timedelta(hours=1)).isoformat()},
        {"period_end": (START + timedelta(hours=12)).isoformat()},
        {"period_type": "daily"},
        {"tenant_id": "t1"},
        {"license_id": 7},
        {"dimensions": {"country": "DE"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_part_of_the_identity_makes_another_metric(api: ProjectClient, change: dict[str, Any]) -> None:
    assert counts(send(api, metric(), metric(**change))) == (2, 0, 0)


def test_the_order_of_dimensions_and_the_spelling_of_times_make_no_difference(api: ProjectClient) -> None:
    spelled: dict[str, Any] = {
        "period_start": START.timestamp(),
        "period_end": (START + timedelta(days=1)).isoformat(),
    }
    first = metric(dimensions={"a": 1, "b": {"c": 1, "d": 2}})
    second = metric(dimensions={"b": {"d": 2, "c": 1}, "a": 1}, **spelled)
    assert counts(send(api, first, second)) == (1, 1, 0)


def test_good_records_are_stored_and_bad_ones_named(api: ProjectClient) -> None:
    answer = send(
        api,
        metric(metric_name="a"),
        {"metric_name": "b", "metric_value": 1, "period_start": START.isoformat()},
        metric(metric_name="c", period_end=(START - timedelta(seconds=1)).isoformat()),
        metric(metric_name="d"),
        metric(metric_name="e", colour="red"),
    )
    assert counts(answer) == (2, 0, 3)
    assert places(answer) == [
        (1, "period_end", "required"),
        (2, "period_end", "invalid"),
        (4, "colour", "unknown_field"),
    ]


def test_age_counts_from_the_end_and_the_future_from_the_start(api: ProjectClient) -> None:
    now = datetime.now(UTC)
    running = metric(
        metric_name="a", period_start=now.isoformat(), period_end=(now + timedelta(days=30)).isoformat()
    )
    long_ago = metric(metric_name="b", period_start=(now - timedelta(days=400)).isoformat())
    expired = metric(metric_name="c", period_start=1_400_000_000, period_end=1_400_000_001)
    ahead = metric(
        metric_name="d",
        period_start=(now + timedelta(hours=2)).isoformat(),
        period_end=(now + timedelta(hours=3)).isoformat(),
    )
    answer = send(api, running, long_ago, expired, ahead)
    assert counts(answer) == (2, 0, 2)
    assert places(answer) == [(2, "period_end", "too_old"), (3, "period_start", "in_future")]


def test_equal_metrics_of_two_projects_are_two(api: ProjectClient, other_api: ProjectClient) -> None:
    assert counts(send(api, metric(1))) == (1, 0, 0)
    assert counts(send(other_api, metric(2))) == (1, 0, 0)
    (mine,), (theirs,) = api.results(BUSINESS), other_api.results(BUSINESS)
    assert (mine["metric_value"], theirs["metric_value"]) == (1, 2)
    assert api.get(f"{BUSINESS}/{theirs['id']}/").status_code == 404


@pytest.mark.parametrize("identifier", ["x", "1", "b3a7e0c4-3f0e-4b5e-8f43-4b8a3d8f0c11", "%00", "é"])
def test_an_id_that_is_not_there_is_404(api: ProjectClient, identifier: str) -> None:
    assert api.get(f"{BUSINESS}/{quote(identifier, safe='%')}/").status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("metric_name", "a & b"),
        ("metric_category", "sales"),
        ("metric_unit", "money"),
        ("currency", "EUR"),
        ("period_type", "daily"),
        ("calculation_method", "sum"),
        ("tenant_id", "t1"),
        ("license_id", "t1"),
    ],
)
def test_each_field_filters(api: ProjectClient, field: str, value: str) -> None:
    unlike = {"dimensions": {"n": 2}, field: "other"}
    send(api, metric(1, **{field: value}), metric(2, **unlike))
    (found,) = api.results(f"{BUSINESS}/?{field}={quote(value)}")
    assert found["metric_value"] == 1


def test_dimensions_and_times_filter(api: ProjectClient) -> None:
    late = (START + timedelta(days=2)).isoformat()
    send(
        api, metric(1, dimensions={"country": "DE"}), metric(2, period_end=late, dimensions={"country": "FR"})
    )
    assert [row["metric_value"] for row in api.results(f"{BUSINESS}?dimensions.country=FR")] == [2]
    assert [row["metric_value"] for row in api.results(f"{BUSINESS}?start={quote(late)}")] == [2]
    assert [row["metric_value"] for row in api.results(f"{BUSINESS}?end={quote(late)}")] == [1]
    assert api.get(f"{BUSINESS}?colour=1").json()["code"] == "unknown_parameter"


def test_pages_go_through_more_rows_of_one_time_than_a_page_holds(api: ProjectClient) -> None:
    send(api, *[metric(number, tenant_id=number) for number in range(25)])
    rows = api.results(f"{BUSINESS}/?page_size=10")
    assert sorted(row["metric_value"] for row in rows) == list(range(25))

"""Metric points go in, through HTTP and through the platform's own door."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from metrics.distribution import Distribution
from metrics.models import MetricSeries
from metrics.recording import record_points
from metrics.records import PointRecord
from metrics.series import series_identity
from projects.models import Project
from storage.connections import connect
from tests.clients import ProjectClient, client_of, counts, places

METRICS = "/api/v1/metrics"
MOMENT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=5)


def point(value: float = 1.0, **fields: Any) -> dict[str, Any]:
    return {"metric_name": "cpu_usage", "metric_value": value, "timestamp": MOMENT.isoformat(), **fields}


def test_a_posted_point_is_read_back_with_everything_it_carried(api: ProjectClient) -> None:
    sent = point(
        71.5,
        metric_type="timer",
        metric_unit="ms",
        service_name="api",
        host_name="web-1",
        instance_id="i-1",
        tags={"region": "eu", "cores": 4, "ratio": 1.0, "spot": True, "gone": None},
        percentile_50=60.0,
        percentile_90=90.0,
        percentile_95=95.0,
        percentile_99=99.0,
    )
    assert counts(api.post(METRICS, {"metrics": [sent]})) == (1, 0, 0)
    (stored,) = api.results(METRICS + "/")
    assert datetime.fromisoformat(stored["timestamp"]) == MOMENT
    assert stored["tags"] == {
        "region": "eu",
        "cores": "4",
        "ratio": "1.0",
        "spot": "true",
        "service_name": "api",
        "host_name": "web-1",
        "instance_id": "i-1",
    }
    same = set(sent) - {"timestamp", "tags"}
    assert {name: stored[name] for name in same} == {name: sent[name] for name in same}


def test_good_records_are_stored_and_bad_ones_named_and_a_second_try_stores_none(api: ProjectClient) -> None:
    batch = [
        point(1, host_name="a"),
        {"metric_name": "cpu_usage"},
        point(2, host_name="b"),
        point(3, host_name="c", metric_type="speed"),
        point(4, host_name="d"),
    ]
    first = api.post(METRICS, {"metrics": batch})
    assert counts(first) == (3, 0, 2)
    assert places(first) == [(1, "metric_value", "required"), (3, "metric_type", "invalid")]
    assert counts(api.post(METRICS, {"metrics": batch})) == (0, 3, 2)
    assert len(api.results(METRICS)) == 3


BAD_RECORDS: list[tuple[bytes, str, str]] = [
    (b'{"metric_value": 1}', "metric_name", "required"),
    (b'{"metric_name": "", "metric_value": 1}', "metric_name", "invalid"),
    (b'{"metric_name": "x", "metric_value": "1"}', "metric_value", "invalid"),
    (b'{"metric_name": "x", "metric_value": null}', "metric_value", "invalid"),
    (b'{"metric_name": "x", "metric_value": true}', "metric_value", "invalid"),
    (b'{"metric_name": "x", "metric_value": 1e999}', "metric_value", "invalid"),
    (b'{"metric_name": "x", "metric_value": ' + b"9" * 400 + b"}", "metric_value", "invalid"),
    (b'{"metric_name": "x", "metric_value": 1, "timestamp": 1400000000}', "timestamp", "too_old"),
    (
        b'{"metric_name": "x", "metric_value": 1, "timestamp": "2999-01-01T00:00:00Z"}',
        "timestamp",
        "in_future",
    ),
    (b'{"metric_name": "x", "metric_value": 1, "timestamp": 1e300}', "timestamp", "invalid"),
    (b'{"metric_name": "x", "metric_value": 1, "tags": {"a": {}}}', "tags", "invalid"),
    (b'{"metric_name": "x", "metric_value": 1, "tags": {"a": "\\u0000"}}', "tags", "nul"),
    (
        b'{"metric_name": "x", "metric_value": 1, "host_name": "a", "tags": {"host_name": "b"}}',
        "tags",
        "invalid",
    ),
    (
        b'{"metric_name": "x", "metric_value": 1, "distribution": {"count": 1}}',
        "distribution",
        "unknown_field",
    ),
    (b'{"metric_name": "x", "metric_value": 1, "stale": true}', "stale", "unknown_field"),
    (b'{"metric_name": "\xff", "metric_value": 1}', "", "invalid_utf8"),
    (b"[]", "", "invalid"),
]


@pytest.mark.parametrize(("record", "field", "code"), BAD_RECORDS)
def test_a_record_that_cannot_be_stored_is_its_own_error(
    api: ProjectClient, record: bytes, field: str, code: str
) -> None:
    answer = api.post(METRICS, b'{"metrics": [{"metric_name": "good", "metric_value": 1}, ' + record + b"]}")
    assert counts(answer) == (1, 0, 1)
    assert places(answer) == [(1, field, code)]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"5", b'{"metric_name": "x", "metric_value": 1}', b'{"metrics": [{"metric_value": NaN}]}'],
)
def test_what_is_not_of_the_shape_is_400(api: ProjectClient, body: bytes) -> None:
    assert api.post(METRICS, body).status_code == 400


def test_another_value_at_the_same_time_is_a_conflict_and_changes_nothing(api: ProjectClient) -> None:
    api.post(METRICS, {"metrics": [point(1.0)]})
    again = api.post(METRICS, {"metrics": [point(1.0), point(2.0), point(5.0, host_name="new")]})
    assert counts(again) == (1, 1, 1)
    assert places(again) == [(1, "metric_value", "conflict")]
    assert sorted(row["metric_value"] for row in api.results(METRICS)) == [1.0, 5.0]


def test_two_values_at_one_time_in_one_batch_keep_the_first(api: ProjectClient) -> None:
    answer = api.post(METRICS, {"metrics": [point(3.0), point(3.0), point(4.0)]})
    assert (counts(answer), places(answer)) == ((1, 1, 1), [(2, "metric_value", "conflict")])
    assert [row["metric_value"] for row in api.results(METRICS)] == [3.0]


def test_points_without_time_get_the_time_of_arrival_in_their_order(api: ProjectClient) -> None:
    before = datetime.now(UTC)
    batch = [{"metric_name": "x", "metric_value": value} for value in range(5)]
    assert counts(api.post(METRICS, {"metrics": batch})) == (5, 0, 0)
    rows = api.results(METRICS)
    assert [row["metric_value"] for row in rows] == [4, 3, 2, 1, 0]
    assert before <= datetime.fromisoformat(rows[-1]["timestamp"]) <= datetime.now(UTC)


def test_series_differ_by_name_type_and_labels_but_not_by_unit(api: ProjectClient) -> None:
    batch = [
        point(1, tags={"a": "1", "b": "2"}),
        point(1, tags={"b": "2", "a": "1"}, metric_unit="ratio"),
        point(1, tags={"a": "1"}),
        point(1, tags={"a": "1", "b": "2"}, metric_type="counter"),
        point(1, tags={"a": "1", "b": "2"}, metric_name="other"),
    ]
    assert counts(api.post(METRICS, {"metrics": batch})) == (4, 1, 0)
    assert len(api.results(f"{METRICS}/series/")) == 4


def test_a_label_sent_as_tag_is_the_same_as_one_sent_as_field(api: ProjectClient) -> None:
    api.post(METRICS, {"metrics": [point(1, host_name="web-1"), point(1, tags={"host_name": "web-1"})]})
    (series,) = api.results(f"{METRICS}/series/?host_name=web-1")
    assert series["tags"] == {"host_name": "web-1"}


def test_two_projects_with_equal_series_and_times_do_not_disturb_each_other(
    api: ProjectClient, other_api: ProjectClient
) -> None:
    assert counts(api.post(METRICS, {"metrics": [point(1.0)]})) == (1, 0, 0)
    assert counts(other_api.post(METRICS, {"metrics": [point(2.0)]})) == (1, 0, 0)
    assert [row["metric_value"] for row in api.results(METRICS)] == [1.0]
    assert [row["metric_value"] for row in other_api.results(METRICS)] == [2.0]


def test_a_series_whose_id_is_taken_by_another_is_refused(api: ProjectClient, project: Project) -> None:
    series_id, _ = series_identity(project.pk, "collider", "gauge", ())
    store_foreign_series(series_id, project)
    answer = api.post(METRICS, {"metrics": [point(metric_name="collider"), point(metric_name="fine")]})
    assert counts(answer) == (1, 0, 1)
    assert places(answer) == [(0, "tags", "hash_collision")]


def store_foreign_series(series_id: int, project: Project) -> None:
    """Committed on a connection of its own, as the writer sees nothing of this test's transaction."""
    with connect() as own:
        own.execute(
            "INSERT INTO metric_series (id, project_id, name, metric_type, unit, labels, fingerprint, created_at) "
            "VALUES (%s, %s, 'foreign', 'gauge', '', '{}', gen_random_uuid(), now())",
            (series_id, project.pk),
        )


def test_scopes_part_sending_from_reading(project: Project) -> None:
    sender, reader = client_of(project, ["ingest"]), client_of(project, ["read"])
    assert sender.post(METRICS, {"metrics": [point()]}).status_code == 202
    assert reader.post(METRICS, {"metrics": [point()]}).status_code == 403
    assert (sender.get(METRICS).status_code, reader.get(METRICS).status_code) == (403, 200)


def test_an_idempotency_key_makes_a_retry_return_the_first_answer(api: ProjectClient) -> None:
    body = {"metrics": [{"metric_name": "x", "metric_value": 1}]}
    first = api.post(METRICS, body, HTTP_IDEMPOTENCY_KEY="k1")
    assert api.post(METRICS, body, HTTP_IDEMPOTENCY_KEY="k1").content == first.content
    assert len(api.results(METRICS)) == 1


def test_the_platform_writes_distributions_through_the_same_writer(
    api: ProjectClient, project: Project
) -> None:
    times = Distribution.of([10.0, 20.0, 30.0])
    record = PointRecord(metric_name="response_time", metric_unit="ms", distribution=times)
    empty = PointRecord(metric_name="response_time", tags={"route": "/x"}, distribution=Distribution())
    assert record_points(project.pk, [record, empty], datetime.now(UTC)) == []
    rows = {row["count"]: row for row in api.results(METRICS)}
    assert (rows[3]["metric_value"], rows[3]["sum"], rows[3]["min"], rows[3]["max"]) == (20, 60, 10, 30)
    assert (rows[0]["metric_value"], rows[0]["min"]) == (None, None)


def test_a_distribution_written_twice_is_a_duplicate(project: Project, api: ProjectClient) -> None:
    record = PointRecord(metric_name="t", timestamp=MOMENT, distribution=Distribution.of([1.0, 2.0]))
    now = datetime.now(UTC)
    assert record_points(project.pk, [record], now) == []
    assert record_points(project.pk, [record], now) == []
    assert len(api.results(METRICS)) == 1


def test_values_that_json_lacks_are_texts_and_equal_to_themselves(
    project: Project, api: ProjectClient
) -> None:
    odd = {"a": float("nan"), "b": float("inf"), "c": float("-inf")}
    records = [
        PointRecord(metric_name=name, metric_value=value, timestamp=MOMENT) for name, value in odd.items()
    ]
    now = datetime.now(UTC)
    assert record_points(project.pk, records, now) + record_points(project.pk, records, now) == []
    stored = {row["metric_name"]: row["metric_value"] for row in api.results(METRICS)}
    assert stored == {"a": "NaN", "b": "+Inf", "c": "-Inf"}


def test_a_stale_marker_is_no_measurement(project: Project, api: ProjectClient) -> None:
    record_points(project.pk, [PointRecord(metric_name="gone", stale=True)], datetime.now(UTC))
    (row,) = api.results(METRICS)
    assert (row["metric_value"], row["stale"]) == (None, True)
    assert MetricSeries.objects.get(project=project).name == "gone"


@pytest.mark.parametrize(
    "tags", [{f"label_{number}": 1 for number in range(65)}, {"x" * 201: 1}, {"label": "x" * 1001}]
)
def test_labels_are_bounded(api: ProjectClient, tags: dict[str, object]) -> None:
    answer = api.post(METRICS, {"metrics": [{"metric_name": "x", "metric_value": 1, "tags": tags}]})
    assert counts(answer) == (0, 0, 1)
    assert places(answer) == [(0, "tags", "invalid")]


def test_a_point_of_another_format_is_read_back_with_when_it_began_and_its_own_buckets(
    api: ProjectClient, project: Project
) -> None:
    bounds = {"bounds": [1.0, 2.0], "counts": [1, 0, 2]}
    record = PointRecord(
        metric_name="latency",
        metric_type="histogram",
        temporality="cumulative",
        start_time=MOMENT - timedelta(hours=1),
        timestamp=MOMENT,
        distribution=Distribution(3, None, buckets={"0": 1, "35": 2}),
        histogram=bounds,
    )
    assert record_points(project.pk, [record], datetime.now(UTC)) == []
    (row,) = api.results(METRICS)
    assert (row["temporality"], row["histogram"], row["count"]) == ("cumulative", bounds, 3)
    assert datetime.fromisoformat(row["start_time"]) == MOMENT - timedelta(hours=1)
    assert (row["sum"], row["min"]) == (None, None)
    assert row["metric_value"] == pytest.approx(5 / 3, rel=0.01)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"distribution": Distribution(-1, 0.0)}, "distribution"),
        ({"distribution": Distribution(2**63, 0.0)}, "distribution"),
        ({"distribution": Distribution(1, 0.0, buckets={"1": 2**62, "2": 2**62})}, "distribution"),
        ({"distribution": Distribution(1, 0.0, buckets={"1": -1})}, "distribution"),
        ({"distribution": Distribution(), "metric_type": "timer"}, "metric_type"),
        ({"metric_value": 1.0, "start_time": 1e300}, "start_time"),
    ],
)
def test_what_no_column_or_sum_can_hold_is_an_error(
    project: Project, fields: dict[str, Any], field: str
) -> None:
    record = PointRecord(
        **{"metric_name": "x", "metric_type": "histogram", "temporality": "cumulative", **fields}
    )
    (error,) = record_points(project.pk, [record], datetime.now(UTC))
    assert (error.field, error.code) == (field, "invalid")

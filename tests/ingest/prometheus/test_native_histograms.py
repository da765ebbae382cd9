"""Native histograms: spans and deltas as distributions whose percentiles are right, the original beside them."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.protocols.remote_write import v1_pb2, v2_pb2
from ingest.protocols.remote_write.native_histograms import distribution_of
from metrics.distribution import percentile
from tests.clients import ProjectClient
from tests.ingest.prometheus.messages import (
    STALE,
    V1,
    V2,
    Request2,
    now_ms,
    points,
    request_1,
    send,
    series_1,
    written,
)

LATENCY = {"__name__": "rpc_seconds", "job": "api"}


def span(offset: int, length: int) -> Any:
    return {"offset": offset, "length": length}


def whole(**fields: Any) -> dict[str, Any]:
    """2 observations of 0 and 1 + 2 + 1 in (1, 2], (2, 4], (16, 32], all of them 40 together."""
    return {
        "count_int": 6,
        "sum": 40.0,
        "schema": 0,
        "zero_threshold": 1e-128,
        "zero_count_int": 2,
        "positive_spans": [span(1, 2), span(2, 1)],
        "positive_deltas": [1, 1, -1],
        "timestamp": now_ms(),
        **fields,
    }


def send_2(api: ProjectClient, *histograms: dict[str, Any]) -> Any:
    request = Request2()
    request.add(LATENCY, histograms=[v2_pb2.Histogram(**one) for one in histograms])
    return send(api, request.body(), V2)


@pytest.mark.parametrize("version", [V1, V2])
def test_a_histogram_is_stored_with_its_percentiles_and_as_it_came(api: ProjectClient, version: str) -> None:
    if version == V1:
        answer = send(api, request_1(series_1(LATENCY, histograms=[v1_pb2.Histogram(**whole())])))
    else:
        answer = send_2(api, whole(start_timestamp=now_ms() - 1000))
        assert written(answer) == (0, 1, 0)
    assert answer.status_code == 204, answer.content
    (point,) = points(api)
    assert (point["metric_type"], point["temporality"]) == ("histogram", "cumulative")
    assert (point["count"], point["sum"], point["metric_value"]) == (6, 40, 40 / 6)
    assert point["histogram"] == {
        "scale": 0,
        "zero_threshold": 1e-128,
        "zero_count": 2,
        "positive": {"spans": [[1, 2], [5, 1]], "counts": [1, 2, 1]},
        "negative": {"spans": [], "counts": []},
    }
    assert (point["start_time"] is None) is (version == V1)


def test_the_same_histogram_again_is_stored_once(api: ProjectClient) -> None:
    histogram = whole()
    assert [send_2(api, histogram).status_code for _ in range(2)] == [204, 204]  # R18
    assert len(points(api)) == 1


def test_a_gauge_histogram_is_not_cumulative(api: ProjectClient) -> None:
    assert send_2(api, whole(reset_hint=v2_pb2.Histogram.RESET_HINT_GAUGE)).status_code == 204
    assert [point["temporality"] for point in points(api)] == [None]


def test_a_stale_marker_in_the_sum_ends_the_series(api: ProjectClient) -> None:
    moment = now_ms()
    assert send_2(api, whole(timestamp=moment - 1000)).status_code == 204
    assert send_2(api, {"sum": STALE, "timestamp": moment}).status_code == 204  # R13
    assert [point["stale"] for point in points(api)] == [False, True]
    assert len(api.results("/api/v1/metrics/series")) == 1


def test_buckets_with_bounds_of_their_own_are_kept_as_bounds() -> None:
    found, original = distribution_of(
        v2_pb2.Histogram(
            count_int=6,
            sum=9,
            schema=-53,
            custom_values=[0.5, 1, 2.5],
            positive_spans=[v2_pb2.BucketSpan(offset=0, length=1), v2_pb2.BucketSpan(offset=1, length=2)],
            positive_deltas=[3, -1, -1],
        )
    )
    assert original == {"bounds": [0.5, 1, 2.5], "counts": [3, 0, 2, 1]}
    assert found.count == sum(found.buckets.values()) == 6
    assert percentile(found.buckets, 0.99) == pytest.approx(2.5, rel=0.01)


def test_float_counts_are_rounded_and_kept_beside() -> None:
    found, original = distribution_of(
        v2_pb2.Histogram(
            count_float=3.6,
            sum=5,
            schema=2,
            zero_count_float=1.2,
            negative_spans=[v2_pb2.BucketSpan(offset=-3, length=1)],
            negative_counts=[2.4],
        )
    )
    assert (found.count, sum(found.buckets.values())) == (4, 3)
    assert original["negative"] == {"spans": [[-3, 1]], "counts": [2.4]}
    assert original["zero_count"] == 1.2


def test_observations_of_nan_are_in_no_bucket() -> None:
    histogram = v2_pb2.Histogram(**whole(count_int=8, sum=math.nan))
    found, _ = distribution_of(histogram)
    assert (found.count, sum(found.buckets.values())) == (8, 6)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"count_int": 7}, "its count is 7"),
        ({"schema": 9}, "schema 9"),
        ({"schema": -5}, "schema -5"),
        ({"positive_deltas": [1, 1]}, "have 3 buckets, its counts 2"),
        ({"positive_deltas": [1, -2, 1]}, "negative or too large"),
        ({"positive_spans": [span(1, 2), span(-1, 1)]}, "overlap"),
        ({"positive_spans": [span(2**31 - 1, 2), span(2**31 - 1, 1)]}, "too far out"),
        ({"positive_spans": [span(0, 3000)], "positive_deltas": [0] * 3000}, "at most 2,000 buckets"),
        ({"positive_spans": [span(0, 2**32 - 1)]}, "4294967295 buckets"),
        ({"count_int": 2**64 - 1}, "negative or too large"),
        ({"count_float": math.inf}, "negative or too large"),
        ({"count_float": math.nan}, "negative or too large"),
        ({"schema": -53}, "no bounds"),
        ({"schema": -53, "custom_values": [3, 2, 1, 0, -1, -2]}, "rise"),
    ],
)
def test_a_histogram_that_contradicts_itself_is_400(
    api: ProjectClient, fields: dict[str, Any], reason: str
) -> None:
    answer = send_2(api, whole(timestamp=now_ms() - 1000), whole(**fields))
    assert (answer.status_code, written(answer)) == (400, (0, 1, 0))
    assert reason in answer.content.decode()


@given(
    st.lists(st.floats(min_value=1e-9, max_value=1e9), min_size=1, max_size=100),
    st.integers(min_value=-4, max_value=8),
)
def test_percentiles_lie_in_the_bucket_of_the_true_one(values: list[float], schema: int) -> None:
    base = 2 ** (2**-schema)
    counts: dict[int, int] = {}
    for value in values:
        # Prometheus' bucket i is (base^(i - 1), base^i].
        index = math.ceil(math.log2(value) * 2**schema)
        counts[index] = counts.get(index, 0) + 1
    indexes = sorted(counts)
    gaps = [after - before - 1 for before, after in pairwise(indexes)]
    ordered = [counts[index] for index in indexes]
    deltas = [after - before for before, after in pairwise([0, *ordered])]
    found, _ = distribution_of(
        v1_pb2.Histogram(
            count_int=len(values),
            sum=sum(values),
            schema=schema,
            positive_spans=[v1_pb2.BucketSpan(offset=gap, length=1) for gap in [indexes[0], *gaps]],
            positive_deltas=deltas,
        )
    )
    assert sum(found.buckets.values()) == len(values)
    for q in (0.5, 0.9, 0.99):
        true = sorted(values)[max(1, math.ceil(q * len(values))) - 1]
        estimated = percentile(found.buckets, q)
        assert estimated is not None
        assert max(true, estimated) / min(true, estimated) <= base * 1.021

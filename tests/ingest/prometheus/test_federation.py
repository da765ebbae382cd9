"""`federate`: the newest values of a project as Prometheus scrapes them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families as parse_text
from pytest_django import DjangoAssertNumQueries

from ingest.protocols.remote_write import v1_pb2, v2_pb2
from metrics import federation
from metrics.distribution import Distribution
from metrics.recording import record_points
from metrics.records import PointRecord
from projects.models import Project
from tests.clients import ProjectClient, client_of
from tests.ingest.prometheus.messages import STALE, V2, Request2, now_ms, request_1, send, series_1

PATH = "/api/v1/prometheus/federate"
# prometheus-client is typed in parts.
parse_openmetrics: Callable[[str], Iterable[Any]] = openmetrics_parser.text_string_to_metric_families
OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


def ask(api: ProjectClient, *selectors: str, accept: str = "text/plain", **parameters: str) -> Any:
    query = urlencode([("match[]", selector) for selector in selectors] + list(parameters.items()))
    return api.send("GET", f"{PATH}?{query}", HTTP_ACCEPT=accept)


def text_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.content
    return str(answer.getvalue(), "utf-8")


def lines(api: ProjectClient, *selectors: str, **parameters: str) -> list[str]:
    """Samples without comments and times."""
    text = text_of(ask(api, *selectors, **parameters))
    return [line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")]


def post(api: ProjectClient, *records: dict[str, Any]) -> None:
    answer = api.post("/api/v1/metrics", {"metrics": list(records)})
    assert answer.json()["accepted"] == len(records), answer.content


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def test_the_newest_value_of_each_series_with_its_own_time(api: ProjectClient) -> None:
    moment = now_ms() - 5000
    body = request_1(
        series_1({"__name__": "requests_total", "code": "200"}, [(1, moment - 60_000), (2, moment)]),
        series_1({"__name__": "requests_total", "code": "500"}, [(3, moment)]),
        metadata=[
            v1_pb2.MetricMetadata(
                type=v1_pb2.MetricMetadata.COUNTER,
                metric_family_name="requests_total",
                help='A "help"\nwith \\ lines.',
            )
        ],
    )
    assert send(api, body).status_code == 204
    post(api, {"metric_name": "load", "metric_value": 0.1, "timestamp": moment})
    answer = ask(api)
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert text_of(answer) == (
        "# TYPE load gauge\n"
        f"load 0.1 {moment}\n"
        "# TYPE requests_total counter\n"
        '# HELP requests_total A "help"\\nwith \\\\ lines.\n'
        f'requests_total{{code="200"}} 2.0 {moment}\n'
        f'requests_total{{code="500"}} 3.0 {moment}\n'
    )


def test_openmetrics_where_accept_asks_for_it(api: ProjectClient) -> None:
    moment = now_ms() // 1000 * 1000
    kinds = {"metric_type": "counter", "timestamp": moment}
    post(api, {"metric_name": "requests_total", "metric_value": 2, **kinds})
    post(api, {"metric_name": "bytes", "metric_value": 3, **kinds})
    answer = ask(api, accept=OPENMETRICS)
    assert answer.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    text = text_of(answer)
    assert text == (
        f"# TYPE bytes unknown\nbytes 3.0 {moment // 1000}.000\n"
        f"# TYPE requests counter\nrequests_total 2.0 {moment // 1000}.000\n# EOF\n"
    )
    assert {family.name: family.type for family in parse_openmetrics(text)} == {
        "bytes": "unknown",
        "requests": "counter",
    }


def test_a_distribution_is_a_summary(api: ProjectClient) -> None:
    request = Request2()
    histogram = v2_pb2.Histogram(
        count_int=100,
        sum=250.5,
        schema=8,
        positive_spans=[v2_pb2.BucketSpan(offset=256, length=1), v2_pb2.BucketSpan(offset=255, length=1)],
        positive_deltas=[90, -80],
        timestamp=now_ms() - 1000,
    )
    request.add({"__name__": "rpc_seconds", "quantile": "own"}, histograms=[histogram])
    assert send(api, request.body(), V2).status_code == 204
    text = text_of(ask(api))
    assert "# TYPE rpc_seconds summary\n" in text
    (family,) = parse_text(text)
    found = {
        (sample.name, sample.labels.get("quantile")): (sample.value, sample.labels["exported_quantile"])
        for sample in family.samples
    }
    assert found["rpc_seconds_count", None] == (100, "own")
    assert found["rpc_seconds_sum", None] == (250.5, "own")
    assert found["rpc_seconds", "0.5"][0] == pytest.approx(2, rel=0.02)
    assert found["rpc_seconds", "0.99"][0] == pytest.approx(4, rel=0.02)


def test_what_starts_again_with_each_point_is_no_counter(api: ProjectClient, project: Project) -> None:
    """A scraper would take each smaller value for a reset."""
    now = datetime.now(UTC)
    of_three = Distribution.of([1.0, 1.0, 1.0])
    points = [
        PointRecord(metric_name="sent", metric_type="counter", metric_value=5.0, temporality="delta"),
        PointRecord(metric_name="took", metric_type="histogram", distribution=of_three, temporality="delta"),
        PointRecord(metric_name="waited", metric_type="histogram", distribution=of_three),
        PointRecord(metric_name="empty", metric_type="histogram", distribution=Distribution(0, 0.0)),
    ]
    assert record_points(project.pk, points, now) == []
    text = text_of(ask(api))
    assert {family.name: family.type for family in parse_text(text)} == {
        "sent": "gauge", "took": "summary", "waited": "summary",
    }  # fmt: skip
    assert "sent 5.0 " in text
    assert 'took{quantile="0.5"}' in text
    assert not [line for line in text.splitlines() if "_count" in line or "_sum" in line]
    kinds = {family.name: family.type for family in parse_openmetrics(text_of(ask(api, accept=OPENMETRICS)))}
    assert kinds == {"sent": "gauge", "took": "summary", "waited": "summary"}


def test_names_and_labels_are_made_valid_and_values_escaped(api: ProjectClient) -> None:
    tags = {"cloud.region": "eu", "9th": "x", "__own": "y", "text": 'a "b" \\ c\nd', "ключ": "z"}
    post(api, {"metric_name": "http.server-duration", "metric_value": 1, "tags": tags})
    post(api, {"metric_name": "5xx", "metric_value": 2})
    assert lines(api) == [
        "_5xx 2.0",
        'http_server_duration{_9th="x",exported__own="y",cloud_region="eu",text="a \\"b\\" \\\\ c\\nd",'
        'exported____="z"} 1.0',
    ]
    assert len(list(parse_text(text_of(ask(api))))) == 2


def test_names_that_meet_after_that_are_shown_once_with_the_newest_value(api: ProjectClient) -> None:
    post(api, {"metric_name": "a.b", "metric_value": 1, "timestamp": ago(2)})
    post(api, {"metric_name": "a_b", "metric_value": 2, "timestamp": ago(1), "metric_type": "counter"})
    post(api, {"metric_name": "a_b", "metric_value": 3, "tags": {"x.y": "1", "x_y": "2"}})
    text = text_of(ask(api))
    assert text.count("# TYPE a_b untyped") == text.count("# TYPE") == 1
    assert lines(api) == ["a_b 2.0", 'a_b{x_y="1;2"} 3.0']


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        (["up"], ["up a", "up b"]),
        (['up{job="a"}'], ["up a"]),
        (["up{job!='a'}"], ["up b"]),
        (["{__name__=~`up|down`, job=~`[ab]`}"], ["down a", "up a", "up b"]),
        (['{__name__!~"u.*",job="a",}'], ["down a"]),
        (['{"down"}', "up{job='b'}"], ["down a", "down c", "up b"]),
        (['{"job"="c"}'], ["down c"]),
        (['{__name__=~"u"}'], []),
        (['up{missing=""}'], ["up a", "up b"]),
        (['up{missing!=""}'], []),
        (['up{job=~"a|"}'], ["up a"]),
        (['down{job="\\u0063"}'], None),
        ([' up { job = "a" } '], ["up a"]),
    ],
)
def test_selectors_choose_series(
    api: ProjectClient, selectors: list[str], expected: list[str] | None
) -> None:
    for name, job in [("up", "a"), ("up", "b"), ("down", "a"), ("down", "c")]:
        post(api, {"metric_name": name, "metric_value": 1, "tags": {"job": job}})
    if expected is None:
        assert ask(api, *selectors).status_code == 400
        return
    found = [line.replace('{job="', " ").split('"')[0] for line in lines(api, *selectors)]
    assert found == expected


@pytest.mark.parametrize(
    "selector",
    [
        "",
        "{}",
        "up{",
        "up}",
        "up{job}",
        "up{job=}",
        "up{job=a}",
        'up{job="a"',
        'up{job=="a"}',
        'up{job="a" code="b"}',
        'up{job="a"}[5m]',
        "sum(up)",
        'up{job="a\\qb"}',
        '{job=""}',
        '{job=~"("}',
        '{job=~"(a)\\\\1"}',
        '{__name__=~"' + ".*" * 11 + '"}',
        '{job=~"a{1000000}"}',
        "up{job='\0'}",
        "u" * 3000,
        "{" + ",".join(["a='b'"] * 40) + "}",
    ],
)
def test_what_is_no_selector_is_400_in_words(api: ProjectClient, selector: str) -> None:
    answer = ask(api, selector)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("match[]: ")


def test_only_series_with_a_value_lately_are_shown(api: ProjectClient) -> None:
    post(api, {"metric_name": "lately", "metric_value": 1, "timestamp": ago(200)})
    post(api, {"metric_name": "before", "metric_value": 2, "timestamp": ago(1000)})
    post(api, {"metric_name": "ahead", "metric_value": 3, "timestamp": ago(-1000)})
    assert lines(api) == ["lately 1.0"]
    assert lines(api, lookback="3600") == ["before 2.0", "lately 1.0"]
    assert lines(api, lookback="100") == []


@pytest.mark.parametrize("lookback", ["0", "-1", "3601", "nan", "inf", "5m", ""])
def test_a_lookback_is_a_number_of_seconds_up_to_an_hour(api: ProjectClient, lookback: str) -> None:
    assert ask(api, lookback=lookback).status_code == 400


def test_a_series_that_ended_is_not_shown(api: ProjectClient) -> None:
    moment = now_ms()
    ended = series_1({"__name__": "up", "job": "a"}, [(1, moment - 2000), (STALE, moment - 1000)])
    again = series_1({"__name__": "up", "job": "b"}, [(STALE, moment - 2000), (1, moment - 1000)])
    assert send(api, request_1(ended, again)).status_code == 204
    assert lines(api) == ['up{job="b"} 1.0']


def test_numbers_that_json_has_not_are_written_as_prometheus_does(api: ProjectClient) -> None:
    values = {"a": float("nan"), "b": float("inf"), "c": float("-inf"), "d": 1e-300}
    body = request_1(*(series_1({"__name__": name}, [(value, now_ms())]) for name, value in values.items()))
    assert send(api, body).status_code == 204
    assert lines(api) == ["a NaN", "b +Inf", "c -Inf", "d 1e-300"]


def test_a_project_sees_its_own_series_and_needs_the_scope_read(
    api: ProjectClient, other_api: ProjectClient, project: Any
) -> None:
    post(api, {"metric_name": "mine", "metric_value": 1})
    assert lines(other_api) == []
    assert ask(client_of(project, ["ingest"])).status_code == 403
    assert api.send("POST", PATH, b"").status_code == 405
    assert ask(api, unknown="1").status_code == 400


def test_too_many_series_are_refused_in_words(api: ProjectClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(federation, "MAX_SERIES", 2)
    post(api, *({"metric_name": f"m{place}", "metric_value": 1} for place in range(3)))
    answer = ask(api)
    assert (answer.status_code, answer.json()["code"]) == (400, "too_many_series")
    assert len(lines(api, '{__name__=~"m[12]"}')) == 2


def test_ten_thousand_series_take_three_queries_and_little_time(
    api: ProjectClient, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for part in range(5):
        post(
            api, *({"metric_name": f"m{part}", "metric_value": 1, "tags": {"n": str(n)}} for n in range(2000))
        )
    ask(api, "m0")
    with django_assert_max_num_queries(6):
        began = time.monotonic()
        assert len(lines(api)) == 10_000
    assert time.monotonic() - began < 5

"""A real Prometheus: it writes what it scrapes to this platform, and scrapes this platform."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer
from pytest_httpserver import HTTPServer

from benchmarks.debian import Program, ProgramMissingError
from projects.models import Project
from tests.clients import ProjectClient, client_of
from tests.ingest.prometheus.server import PrometheusServer, cached_program, running
from tests.platform.running import wait_for

SECONDS = 20
TRACE_ID = "ab" * 16
EXPOSED = f"""\
# TYPE shop_requests counter
# HELP shop_requests Requests answered.
shop_requests_total{{code="200"}} 42
# TYPE shop_latency_seconds histogram
shop_latency_seconds_bucket{{le="0.5"}} 3 # {{trace_id="{TRACE_ID}"}} 0.4
shop_latency_seconds_bucket{{le="+Inf"}} 4
shop_latency_seconds_sum 2.5
shop_latency_seconds_count 4
# TYPE shop_temperature gauge
shop_temperature -3.5
# EOF
"""


@pytest.fixture(scope="session")
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Program:
    try:
        return cached_program(request.config.cache.mkdir("prometheus"), tmp_path_factory.mktemp("debian"))
    except ProgramMissingError as error:
        pytest.skip(str(error))


@pytest.fixture
def exporter(httpserver: HTTPServer) -> HTTPServer:
    """What Prometheus scrapes, until it is cleared."""
    content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    httpserver.expect_request("/metrics").respond_with_data(EXPOSED, content_type=content_type)
    return httpserver


@pytest.fixture
def server(
    program: Program, tmp_path: Any, exporter: HTTPServer, live_server: LiveServer, project: Project
) -> Iterator[PrometheusServer]:
    api = client_of(project)
    platform = live_server.url.removeprefix("http://")
    key = {"authorization": {"credentials": api.key}}
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            {"job_name": "shop", "static_configs": [{"targets": [f"{exporter.host}:{exporter.port}"]}]},
            {"job_name": "platform", "static_configs": [{"targets": [platform]}]},
            {
                "job_name": "federate",
                "metrics_path": "/api/v1/prometheus/federate",
                "params": {"match[]": ['{__name__=~"sent_.+"}', '{"sent.by.name"}']},
                "static_configs": [{"targets": [platform]}],
                **key,
            },
        ],
        "remote_write": [
            {
                "url": f"{live_server.url}/api/v1/write",
                "send_exemplars": True,
                "write_relabel_configs": [{"source_labels": ["job"], "regex": "shop", "action": "keep"}],
                "queue_config": {"batch_send_deadline": "100ms", "max_shards": 1},
                "metadata_config": {"send_interval": "1s"},
                **key,
            }
        ],
    }
    with running(program, tmp_path, config) as server:
        yield server


def newest(api: ProjectClient, name: str) -> dict[str, Any] | None:
    """The newest point of a metric."""
    rows = api.get(f"/api/v1/metrics?metric_name={name}&page_size=1").json()["results"]
    return rows[0] if rows else None


def test_what_prometheus_scrapes_is_written_here(
    server: PrometheusServer, exporter: HTTPServer, api: ProjectClient
) -> None:
    def until(condition: Callable[[], Any], what: str) -> Any:
        return wait_for(condition, f"{what}; Prometheus says: {server.log()[-2000:]}", SECONDS)

    point = until(lambda: newest(api, "shop_requests_total"), "a point of the counter")
    instance = f"{exporter.host}:{exporter.port}"
    assert point["metric_value"] == 42
    assert point["metric_type"] == "counter"
    assert point["tags"] == {"code": "200", "instance": instance, "job": "shop"}
    assert (point["service_name"], point["instance_id"]) == ("shop", instance)
    bucket = until(lambda: newest(api, "shop_latency_seconds_bucket"), "a bucket")
    assert bucket["tags"]["le"] in ("0.5", "+Inf")
    exemplars = until(lambda: api.results(f"/api/v1/metrics/exemplars?trace_id={TRACE_ID}"), "an exemplar")
    assert exemplars[0]["value"] == 0.4

    def described() -> bool:
        rows = api.results("/api/v1/metrics/series?metric_name=shop_requests_total")
        return [row["description"] for row in rows] == ["Requests answered."]

    until(described, "metadata")
    exporter.clear()
    until(lambda: (newest(api, "shop_temperature") or {}).get("stale"), "the end of the series")
    assert (newest(api, "shop_temperature") or {})["metric_value"] is None
    assert "non-recoverable" not in server.log()


def test_prometheus_scrapes_what_is_stored_and_the_platform_itself(
    server: PrometheusServer, api: ProjectClient
) -> None:
    records = [
        {
            "metric_name": "sent_total",
            "metric_value": 7,
            "metric_type": "counter",
            "service_name": 'a "b"\\\n',
        },
        {"metric_name": "sent.by.name", "metric_value": -1e-3, "tags": {"cloud.region": "eu"}},
        {"metric_name": "not_asked_for", "metric_value": 1},
    ]
    assert api.post("/api/v1/metrics", {"metrics": records}).json()["accepted"] == 3
    wait_for(lambda: server.value('sent_total{job="federate"}') == 7, "the counter", SECONDS)
    wait_for(lambda: server.value('sent_by_name{cloud_region="eu"}') == -1e-3, "the gauge", SECONDS)
    assert server.ask("query", query="sent_total")["result"][0]["metric"]["service_name"] == 'a "b"\\\n'
    assert server.value("not_asked_for") is None
    # `/metrics` of the platform itself.
    wait_for(
        lambda: server.value('telemetry_events_total{job="platform",signal="metrics"}'), "a counter", SECONDS
    )
    healths = {
        target["labels"]["job"]: (target["health"], target["lastError"])
        for target in server.ask("targets")["activeTargets"]
    }
    assert healths["platform"] == healths["federate"] == ("up", "")

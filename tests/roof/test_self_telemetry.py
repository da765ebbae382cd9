"""The platform watches itself with its own metrics."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from projects.models import Project
from telemetry_platform.self_telemetry import requests
from telemetry_platform.tasks import record_host_metrics
from tests.clients import ProjectClient, client_of

METRICS = "/api/v1/metrics"


@pytest.fixture
def own(project: Project, settings: Any) -> ProjectClient:
    settings.SELF_PROJECT = project.slug
    requests.times.take()
    return client_of(project)


def test_one_reading_of_the_machine_writes_all_six_metrics(own: ProjectClient) -> None:
    record_host_metrics()
    rows = {row["metric_name"]: row for row in own.results(METRICS)}
    assert set(rows) == {
        "cpu_usage",
        "memory_usage",
        "disk_usage",
        "load_1m",
        "network_receive_bytes",
        "network_transmit_bytes",
    }
    assert 0 < rows["memory_usage"]["metric_value"] <= 100
    assert rows["network_receive_bytes"]["metric_type"] == "counter"
    assert all(row["host_name"] for row in rows.values())


def test_requests_become_one_distribution_and_a_count_of_errors(own: ProjectClient, client: Client) -> None:
    for _ in range(5):
        client.get("/api/v1/nothing")
    client.get("/health")
    requests.flush()
    rows = {row["metric_name"]: row for row in own.results(METRICS)}
    assert set(rows) == {"response_time", "request_errors"}
    assert rows["response_time"]["metric_value"] > 0
    assert rows["request_errors"]["metric_value"] == 0


def test_what_could_not_be_stored_goes_with_the_next_flush(
    own: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests.times.add(10, False)
    with monkeypatch.context() as away:
        away.setattr("telemetry_platform.self_telemetry.points.store", lambda points, now: False)
        requests.flush()
    requests.times.add(30, True)
    requests.flush()
    rows = {row["metric_name"]: row["metric_value"] for row in own.results(METRICS)}
    assert rows == {"response_time": 20, "request_errors": 1}


def test_what_met_an_error_on_its_way_goes_with_the_next_flush(
    own: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests.times.add(10, True)
    with monkeypatch.context() as away:
        away.setitem(connection.settings_dict, "HOST", "/nonexistent")
        connection.close()
        with pytest.raises(OperationalError):
            requests.flush()
    assert requests.times.take()[0].count == 1


def test_nothing_is_written_where_nothing_happened(own: ProjectClient) -> None:
    requests.flush()
    assert own.results(METRICS) == []

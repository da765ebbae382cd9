"""Recorded AWS CloudWatch CPU series (Numenta Anomaly Benchmark), as a client would send them."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.clients import ProjectClient, counts

FOLDER = Path(__file__).resolve().parents[3] / "shared/data/open/nab/realAWSCloudwatch"
HOSTS = ("825cc2", "fe7f93", "c6585a")

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"recorded series are not at {FOLDER}")


def recorded(host: str, until: datetime) -> list[dict[str, Any]]:
    """The points of one host, shifted so that the last one lies at `until`."""
    with (FOLDER / f"ec2_cpu_utilization_{host}.csv").open() as file:
        lines = [
            (datetime.fromisoformat(line["timestamp"]), float(line["value"])) for line in csv.DictReader(file)
        ]
    shift = until - lines[-1][0].replace(tzinfo=UTC)
    return [
        {
            "metric_name": "cpu_usage",
            "metric_unit": "percent",
            "metric_value": value,
            "host_name": host,
            "timestamp": (moment.replace(tzinfo=UTC) + shift).isoformat(),
        }
        for moment, value in lines
    ]


def test_two_weeks_of_three_hosts_come_back_point_by_point_and_only_once(api: ProjectClient) -> None:
    until = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    for host in HOSTS:
        points = recorded(host, until)
        times = {point["timestamp"] for point in points}
        first = api.post("/api/v1/metrics", {"metrics": points})
        assert sum(counts(first)) == len(points)
        assert counts(first)[0] == len(times)
        assert counts(api.post("/api/v1/metrics", {"metrics": points}))[0] == 0
        stored = api.results(f"/api/v1/metrics/?host_name={host}&page_size=1000")
        by_time = {point["timestamp"]: point["metric_value"] for point in reversed(points)}
        assert [row["metric_value"] for row in stored] == [
            by_time[time] for time in sorted(times, reverse=True)
        ]
    assert len(api.results("/api/v1/metrics/series")) == len(HOSTS)

"""Recorded AWS CloudWatch series (Numenta Anomaly Benchmark) through the front door."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.acceptance.conftest import World
from tests.platform.running import wait_for

NAB = Path(__file__).resolve().parents[3] / "shared" / "data" / "open" / "nab"
FOLDER = "realAWSCloudwatch"
ANOMALOUS = "ec2_cpu_utilization_fe7f93"
QUIET = ("ec2_cpu_utilization_53ea38", "ec2_cpu_utilization_c6585a")
BATCH = 5_000

pytestmark = [
    pytest.mark.xdist_group("acceptance"),
    pytest.mark.skipif(
        not NAB.exists(), reason="the recorded series (shared/data/open/nab) are not on this machine"
    ),
]


def recorded(name: str) -> list[tuple[datetime, float]]:
    with (NAB / FOLDER / f"{name}.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [
        (datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC), float(row["value"])) for row in rows
    ]


def labelled_peak(name: str) -> datetime:
    """The highest reading inside the series' labelled windows."""
    windows = json.loads((NAB / "labels" / "combined_windows.json").read_text())[f"{FOLDER}/{name}.csv"]
    inside = [
        (value, moment)
        for moment, value in recorded(name)
        for start, end in windows
        if start <= moment.replace(tzinfo=None).isoformat(" ") <= end
    ]
    return max(inside)[1]


def post_shifted(world: World, name: str, shift: timedelta, now: datetime) -> None:
    """Send a series with its times shifted; readings that would lie in the future are left out."""
    points = [
        {
            "metric_name": "cpu_utilization",
            "metric_value": value,
            "host_name": name,
            "timestamp": (moment + shift).isoformat(),
        }
        for moment, value in recorded(name)
        if moment + shift <= now
    ]
    for start in range(0, len(points), BATCH):
        batch = points[start : start + BATCH]
        answer = world.post("/api/v1/metrics", {"metrics": batch})
        assert (answer["accepted"], answer["rejected"]) == (len(batch), 0)


def test_a_labelled_anomaly_fires_for_its_host_and_no_other(world: World) -> None:
    now = datetime.now(UTC)
    shift = now - timedelta(minutes=2) - labelled_peak(ANOMALOUS)
    post_shifted(world, ANOMALOUS, shift, now)
    for name in QUIET:
        newest = recorded(name)[-1][0]
        post_shifted(world, name, now - timedelta(minutes=1) - newest, now)
    rule = {
        "name": "CPU of an instance",
        "rule_type": "metric_threshold",
        "source_type": "system_metric",
        "condition_config": {
            "metric": "cpu_utilization",
            "operator": ">",
            "threshold": 90,
            "time_window_minutes": 10,
            "aggregation": "max",
            "group_by": ["host_name"],
        },
        "evaluation_interval_seconds": 1,
    }
    rule_id = world.post("/api/v1/alert-rules/", rule)["id"]

    def evaluated() -> bool:
        return bool(world.get(f"/api/v1/alerts/?rule={rule_id}")["results"])

    wait_for(evaluated, "the rule's alert", 15)
    alerts = world.get(f"/api/v1/alerts/?rule={rule_id}")["results"]
    assert [(alert["status"], alert["labels"]) for alert in alerts] == [("firing", {"host_name": ANOMALOUS})]
    assert alerts[0]["value"] > 90

"""Hosts that tell how they are (CPU, memory, disk): how many are fine, and what the others lack."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from metrics.models import MetricSeries
from metrics.queries import newest_points
from projects import figures

LIMITS = {"cpu_usage": 95.0, "memory_usage": 95.0, "disk_usage": 90.0}
"""Metrics that say how a host is, in percent, and from where on it is not fine."""
NAMES = {"cpu_usage": "CPU", "memory_usage": "memory", "disk_usage": "disk"}
SILENT_AFTER = timedelta(minutes=5)
FORGOTTEN_AFTER = timedelta(hours=24)
MOST_SERIES = 1500
_RATIO_UNITS = ("1", "ratio")


@dataclass(frozen=True, slots=True)
class Reading:
    """The newest value of one metric of a host, in percent."""

    project_id: int
    host: str
    metric: str
    percent: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Host:
    """`problem` is empty while it is fine; `metric` is the one to look at."""

    project_id: int
    name: str
    problem: str
    metric: str
    usage: str


@dataclass(frozen=True, slots=True)
class Hosts:
    """Those in trouble first. `series_limit`: only so many series, the newest, were looked at; None: all were."""

    found: Sequence[Host]
    series_limit: int | None = None


def read(project_ids: Iterable[int], heard_since: datetime, now: datetime) -> Hosts:
    """Hosts that were heard of since then (a day ago at most). Two queries."""
    since = max(heard_since, now - FORGOTTEN_AFTER)
    series = list(
        MetricSeries.objects.filter(project_id__in=project_ids, name__in=LIMITS, host_name__isnull=False)
        .only("id", "project_id", "name", "unit", "host_name")
        .order_by("-created_at")[: MOST_SERIES + 1]
    )
    if not series:
        return Hosts([])
    limit = MOST_SERIES if len(series) > MOST_SERIES else None
    series = series[:MOST_SERIES]
    points = newest_points([one.pk for one in series], since)
    readings = [
        Reading(
            one.project_id, one.host_name or "", one.name, _percent(point.value, one.unit), point.timestamp
        )
        for one in series
        if (point := points.get(one.pk)) and point.value is not None
    ]
    return Hosts(hosts_of(readings, now), limit)


def hosts_of(readings: Sequence[Reading], now: datetime) -> list[Host]:
    """One for each name; of several disks or cores the fullest counts."""
    by_host: dict[tuple[int, str], list[Reading]] = {}
    for reading in readings:
        by_host.setdefault((reading.project_id, reading.host), []).append(reading)
    hosts = [_host(project_id, name, found, now) for (project_id, name), found in by_host.items()]
    return sorted(hosts, key=lambda host: (not host.problem, host.name))


def _host(project_id: int, name: str, readings: Sequence[Reading], now: datetime) -> Host:
    last_at = max(reading.at for reading in readings)
    worst: dict[str, float] = {}
    for reading in readings:
        # A disk that is gone left a last value behind.
        if last_at - reading.at > SILENT_AFTER:
            continue
        worst[reading.metric] = max(worst.get(reading.metric, 0), reading.percent)
    usage = ", ".join(f"{NAMES[metric]} {worst[metric]:.0f} %" for metric in LIMITS if metric in worst)
    fullest = max(worst, key=lambda metric: worst[metric] / LIMITS[metric])
    if now - last_at > SILENT_AFTER:
        problem = f"last heard of {figures.age(last_at, now)}"
    elif worst[fullest] >= LIMITS[fullest]:
        problem = f"{NAMES[fullest]} {worst[fullest]:.0f} %"
    else:
        problem = ""
    return Host(project_id, name, problem, fullest, usage)


def _percent(value: float, unit: str) -> float:
    return 100 * value if unit in _RATIO_UNITS else value

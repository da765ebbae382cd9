"""This machine, read with psutil."""

from __future__ import annotations

from datetime import datetime

import psutil
from django.conf import settings

from metrics.records import PointRecord
from telemetry_platform.self_telemetry import points

CPU_SAMPLE_SECONDS = 0.5
"""Long enough for a steady reading; psutil's reading since the last call would mix the worker's processes."""


def read_host() -> list[PointRecord]:
    """CPU, memory and disk in percent, load, and the network counters in bytes since boot."""
    network = psutil.net_io_counters()
    return [
        _gauge("cpu_usage", psutil.cpu_percent(interval=CPU_SAMPLE_SECONDS), "percent"),
        _gauge("memory_usage", psutil.virtual_memory().percent, "percent"),
        _gauge("disk_usage", psutil.disk_usage(str(settings.DATA_FOLDER)).percent, "percent"),
        _gauge("load_1m", psutil.getloadavg()[0], ""),
        _counter("network_receive_bytes", network.bytes_recv),
        _counter("network_transmit_bytes", network.bytes_sent),
    ]


def record_host(now: datetime) -> None:
    points.store(read_host(), now)


def _gauge(name: str, value: float, unit: str) -> PointRecord:
    return PointRecord(metric_name=name, metric_value=value, metric_unit=unit, host_name=points.HOST)


def _counter(name: str, value: int) -> PointRecord:
    return PointRecord(
        metric_name=name,
        metric_type="counter",
        metric_value=float(value),
        metric_unit="bytes",
        host_name=points.HOST,
    )

"""Memory of the whole stack at rest, against the limit of 450 MB."""

from __future__ import annotations

import time
from collections.abc import Sequence

import psutil

from benchmarks.benchmark import Bench, Benchmark
from benchmarks.report import Row, figure

LIMIT_MB = 450.0


def run(bench: Bench) -> Sequence[Row]:
    if not psutil.LINUX:
        return [Row("memory", 1, "MB", reason="proportional set sizes are known on Linux only")]
    platform = bench.start_platform()
    platform.post("/api/v1/events", {"event_name": "first_request"})
    rest_seconds = bench.pick(small=20, full=300)
    for second in range(rest_seconds):
        if second % 10 == 0:
            bench.progress.advance(second, rest_seconds, "resting")
        time.sleep(1)
    parts = _megabytes(psutil.Process(platform.pid))
    shares = ", ".join(
        f"{name} {figure(size)}" for name, size in sorted(parts.items(), key=lambda part: -part[1])
    )
    note = f"{rest_seconds} s after the first request: {shares}; theirs is the limit"
    return [Row("memory", 1, "MB", "lower", ours=[sum(parts.values())], theirs=[LIMIT_MB], notes=[note])]


def _megabytes(supervisor: psutil.Process) -> dict[str, float]:
    """PSS by part of the stack: a page shared by n processes counts as one n-th in each."""
    parts = {"supervisor": _pss_megabytes(supervisor)}
    for child in supervisor.children():
        family = [child, *child.children(recursive=True)]
        parts[_part(child)] = sum(map(_pss_megabytes, family))
    return parts


def _part(process: psutil.Process) -> str:
    command = " ".join(process.cmdline())
    marks = {
        "granian": "web",
        "background worker": "worker",
        "background beat": "beat",
        "/bin/postgres": "PostgreSQL",
    }
    found = [part for mark, part in marks.items() if mark in command]
    return found[0] if found else process.name()


def _pss_megabytes(process: psutil.Process) -> float:
    return float(process.memory_full_info().pss) / 1e6


BENCHMARK = Benchmark("memory", run)

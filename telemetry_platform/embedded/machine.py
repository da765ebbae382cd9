"""What the machine, or the container on it, gives to the platform."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import psutil

_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True, slots=True)
class Machine:
    """Memory in bytes and processor cores that may be used."""

    memory_bytes: int
    cores: int


def this_machine() -> Machine:
    """Containers see their host's memory; their own limit is what counts."""
    memory_bytes = min(psutil.virtual_memory().total, *map(memory_limit_bytes, _CGROUP_LIMITS))
    return Machine(memory_bytes, _usable_cores())


def memory_limit_bytes(path: Path) -> int:
    """The limit that a cgroup's file states; a very large number where there is none."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # no such file, or the word "max"
        return 2**63


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

"""Settings of the embedded PostgreSQL that fit the machine it shares with the platform.

`fsync`, `full_page_writes` and `synchronous_commit` stay as PostgreSQL has them: on. docs/tuning.md has the same for a
server of one's own.
"""

from __future__ import annotations

from telemetry_platform import connection_budget
from telemetry_platform.embedded.machine import Machine

_MEBIBYTE = 1024 * 1024
# A slot costs some KB; beside the platform there is room for web servers that somebody starts by hand.
_FEWEST_CONNECTIONS = 200


def server_settings(machine: Machine, *, web_workers: int) -> dict[str, str]:
    """`postgresql.conf` by name, as `-c` takes it."""
    connections = max(_FEWEST_CONNECTIONS, connection_budget.max_connections(web_workers))
    return {
        **memory_settings(machine.memory_bytes // _MEBIBYTE),
        **parallel_settings(machine.cores),
        "max_connections": str(connections),
        # A query over all days locks each partition and each of its indexes.
        "max_locks_per_transaction": "128",
        # Full pages go to the log after each checkpoint, so these are rare. The binaries have pglz alone.
        "checkpoint_timeout": "15min",
        "wal_compression": "pglz",
        "random_page_cost": "1.1",  # hardly a machine has spinning disks now
        "jit": "off",  # compiles longer than our queries run
        # Processes that rest most of the time on one small machine.
        "io_method": "sync",
        "max_logical_replication_workers": "0",
        "log_min_messages": "warning",
        "log_line_prefix": "%m [%p] ",
        "log_checkpoints": "off",
    }


def memory_settings(memory_mib: int) -> dict[str, str]:
    """Sizes from the machine's memory in MiB, of which the platform's processes and others want their share too.

    `shared_buffers` ends at 512 MiB: a fiftieth of it is touched at the start already, and loading 2 M events took the
    same CPU time with 128 MiB, 512 MiB and 1 GiB. `wal_buffers` are touched whole. `max_wal_size` ends at 4 GiB: that
    much may have to be replayed after a crash.
    """
    return {
        "shared_buffers": _mebibytes(memory_mib // 16, 64, 512),
        "wal_buffers": "4MB",
        "effective_cache_size": _mebibytes(memory_mib // 2, 256),
        "work_mem": _mebibytes(memory_mib // 1024, 4, 32),
        "maintenance_work_mem": _mebibytes(memory_mib // 32, 32, 512),
        "min_wal_size": _mebibytes(memory_mib // 16, 128, 1024),
        "max_wal_size": _mebibytes(memory_mib // 4, 1024, 4096),
    }


def parallel_settings(cores: int) -> dict[str, str]:
    """Half of the cores may help with a query; the others are for ingest."""
    helpers = cores // 2
    return {
        "max_parallel_workers": str(helpers),
        "max_parallel_workers_per_gather": str(min(helpers, 4)),
        "max_parallel_maintenance_workers": str(min(helpers, 2)),
        "autovacuum_max_workers": str(min(cores, 3)),
    }


def _mebibytes(wanted: int, least: int, most: int | None = None) -> str:
    size = max(wanted, least)
    return f"{size if most is None else min(size, most)}MB"

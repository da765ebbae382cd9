"""The platform's own processes as command lines."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from telemetry_platform import processes
from telemetry_platform.environment import Environment
from telemetry_platform.supervisor.ownership import MARK

PROJECT_FOLDER = Path(__file__).resolve().parent.parent.parent
# Each thread serves one request; 64 clients at once don't wait for each other.
BLOCKING_THREADS = 72
WEB_ENVIRON = {"DJANGO_SETTINGS_MODULE": "telemetry_platform.web_settings"}
WORKER_ENVIRON = {"DJANGO_SETTINGS_MODULE": "telemetry_platform.worker_settings"}
BEAT_ENVIRON = {"DJANGO_SETTINGS_MODULE": "telemetry_platform.beat_settings"}


def environ_of_children(env: Environment) -> dict[str, str]:
    """What children find in their environment besides the operator's own variables."""
    return {
        "DJANGO_SETTINGS_MODULE": "telemetry_platform.settings",
        "TELEMETRY_HOME": str(env.home),
        "HOST": env.host,
        "PORT": str(env.port),
        "PYTHONUNBUFFERED": "1",
        "PROMETHEUS_MULTIPROC_DIR": str(counters_folder(env.home)),
        # glibc would give each of web's threads an arena of its own.
        "MALLOC_ARENA_MAX": os.environ.get("MALLOC_ARENA_MAX", "2"),
        MARK: str(env.home),
    }


def counters_folder(home: Path) -> Path:
    """Where prometheus-client adds up the counters of all processes of one start."""
    return home / "counters"


def spawn(
    command: list[str], environ: Mapping[str, str] | None = None, *, capture: bool = False
) -> subprocess.Popen[bytes]:
    """Start one of the commands below in the project's folder; `capture` makes its stdout readable.

    `environ` comes on top of this process's own.
    """
    return processes.spawn(
        command, environ={**os.environ, **(environ or {})}, folder=PROJECT_FOLDER, capture=capture
    )


def web(env: Environment) -> list[str]:
    """Granian's command line."""
    return [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws",
        "--host", env.host, "--port", str(env.port), "--workers", str(env.web_workers),
        "--blocking-threads", str(BLOCKING_THREADS), "--log-level", "error",
        "--respawn-failed-workers", "--respawn-interval", "0.5", "--workers-kill-timeout", "15",
        "telemetry_platform.wsgi:application",
    ]  # fmt: skip


def worker() -> list[str]:
    """Celery's worker with its children."""
    return [sys.executable, "-m", "telemetry_platform.background", "worker"]


def beat() -> list[str]:
    """Celery's beat on the rows of django-celery-beat."""
    return [sys.executable, "-m", "telemetry_platform.background", "beat"]


def prepare() -> list[str]:
    """Migrations and first rows; prints a JSON object on stdout (see `first_start.FirstStart`)."""
    return [sys.executable, str(PROJECT_FOLDER / "manage.py"), "prepare"]

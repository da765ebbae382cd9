"""Debian's Prometheus with a configuration of the test's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.debian import Program, find_program
from telemetry_platform import processes
from tests.platform.running import free_port, wait_for

START_SECONDS = 30


def cached_program(cache: Path, folder: Path) -> Program:
    """The program in `cache`, put there the first time. Raises ProgramMissingError."""
    kept = cache / "prometheus"
    if kept.exists():
        return Program(kept)
    found = find_program("prometheus", folder)
    if folder not in found.path.parents:
        return found
    # Under another name until it is whole: several test processes may do this at once.
    copied = cache / f"prometheus-{os.getpid()}"
    shutil.copy2(found.path, copied)
    copied.replace(kept)
    return Program(kept, found.environ)


@dataclass(frozen=True, slots=True)
class PrometheusServer:
    """A running server; asked over its HTTP API."""

    port: int
    folder: Path

    def ask(self, path: str, **parameters: str) -> Any:
        """`data` of an answer; None where there is none yet."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return json.load(response)["data"]
        except (urllib.error.URLError, OSError):
            return None

    def value(self, query: str) -> float | None:
        """The value of the one series that a query finds."""
        found = self.ask("query", query=query)
        return float(found["result"][0]["value"][1]) if found and found["result"] else None

    def log(self) -> str:
        return (self.folder / "log").read_text()


@contextmanager
def running(program: Program, folder: Path, config: Any) -> Iterator[PrometheusServer]:
    """Prometheus with an empty TSDB; `config` as JSON, which is YAML, too."""
    (folder / "prometheus.yml").write_text(json.dumps(config))
    server = PrometheusServer(free_port(), folder)
    command: list[str | Path] = [
        program.path,
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        f"--web.listen-address=127.0.0.1:{server.port}",
        "--enable-feature=exemplar-storage",
    ]
    with (folder / "log").open("wb") as log:
        process: subprocess.Popen[bytes] = processes.spawn(
            command, folder=folder, environ={**os.environ, **program.environ}, log=log
        )
    try:
        wait_for(lambda: server.ask("status/buildinfo"), "a ready Prometheus", START_SECONDS)
        yield server
    finally:
        processes.stop(process)

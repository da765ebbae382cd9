"""Prometheus with rules of its own, fed by remote write."""

from __future__ import annotations

import http.client
import os
import re
import signal
import struct
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.debian import Program
from benchmarks.running import free_port, wait_for
from telemetry_platform import processes

_START_SECONDS = 30
_LITERAL_BYTES = 65_536
Points = Sequence[tuple[float, float]]
"""(value, Unix seconds), oldest first."""


class PrometheusError(RuntimeError):
    """Prometheus doesn't do as it should; the text says what."""


class Prometheus:
    """A server with an empty TSDB between `with` and its end; `groups` are rule expressions by group."""

    def __init__(
        self, program: Program, folder: Path, groups: Mapping[str, Sequence[str]], interval_seconds: int
    ) -> None:
        self._program = program
        self._folder = Path(tempfile.mkdtemp(prefix="tsdb-", dir=folder))
        self._port = free_port()
        (self._folder / "prometheus.yml").write_text(
            f"global: {{evaluation_interval: {interval_seconds}s}}\nrule_files: [rules.yml]\n"
        )
        (self._folder / "rules.yml").write_text("".join(_rule_lines(groups)))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command: list[str | Path] = [
            self._program.path, "--config.file=prometheus.yml", "--storage.tsdb.path=data",
            f"--web.listen-address=127.0.0.1:{self._port}", "--web.enable-remote-write-receiver",
        ]  # fmt: skip
        with (self._folder / "log").open("wb") as log:
            environ = {**os.environ, **self._program.environ}
            self._process = processes.spawn(command, folder=self._folder, environ=environ, log=log)
        wait_for(self._is_ready, "a ready Prometheus", _START_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self.resume()
        processes.stop(self._process)

    def write(self, name: str, series: Mapping[str, Points]) -> None:
        """Store points by the value of the label `series`."""
        body = _snappy(b"".join(_time_series(name, label, points) for label, points in series.items()))
        headers = {
            "Content-Encoding": "snappy",
            "Content-Type": "application/x-protobuf",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        }
        status, text = self._request("POST", "/api/v1/write", body, headers)
        if status // 100 != 2:
            raise PrometheusError(f"it refuses points: {status} {text[:200]}")

    def pause(self) -> None:
        """Stop its CPU use while the other side is measured."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def rule_seconds(self, rule_count: int) -> float:
        """What the last evaluations of all groups took, added up. Raises PrometheusError unless all rules went well.

        Groups begin at moments spread over the interval, so they hardly run beside each other.
        """
        _, text = self._request("GET", "/metrics")
        found, failed = (
            sum(_samples(text, f"prometheus_rule_{name}"))
            for name in ("group_rules", "evaluation_failures_total")
        )
        if found != rule_count or failed:
            raise PrometheusError(
                f"it has {found:.0f} rules of {rule_count}, {failed:.0f} evaluations failed"
            )
        return sum(_samples(text, "prometheus_rule_group_last_duration_seconds"))

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def _is_ready(self) -> bool:
        try:
            return self._request("GET", "/-/ready")[0] == http.HTTPStatus.OK
        except OSError:
            return False

    def _request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


def _samples(text: str, name: str) -> list[float]:
    """All values of a metric in the text of /metrics."""
    return [float(value) for value in re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE)]


def _rule_lines(groups: Mapping[str, Sequence[str]]) -> Iterable[str]:
    yield "groups:\n"
    for name, expressions in groups.items():
        yield f"- name: {name}\n  rules:\n"
        for number, expression in enumerate(expressions):
            yield f"  - {{alert: {name}_{number}, expr: '{expression}'}}\n"


# Remote write 1.0 by hand: a protobuf message of three levels in a snappy frame that compresses nothing.


def _time_series(name: str, label: str, points: Points) -> bytes:
    labels = _label("__name__", name) + _label("series", label)
    samples = b"".join(
        _field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(int(seconds * 1000)))
        for value, seconds in points
    )
    return _field(1, labels + samples)


def _label(name: str, value: str) -> bytes:
    return _field(1, _field(1, name.encode()) + _field(2, value.encode()))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _snappy(content: bytes) -> bytes:
    parts = [_varint(len(content))]
    for start in range(0, len(content), _LITERAL_BYTES):
        literal = content[start : start + _LITERAL_BYTES]
        parts += [bytes([61 << 2]), struct.pack("<H", len(literal) - 1), literal]
    return b"".join(parts)

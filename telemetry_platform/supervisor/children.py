"""One supervised child: started, looked after, restarted with backoff."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from telemetry_platform import processes
from telemetry_platform.supervisor.console import say

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 10.0
# A child that lived this long starts again with the shortest delay.
STEADY_SECONDS = 30.0
STOP_SECONDS = 20.0


def restart_delay(failures: int) -> float:
    """Seconds to wait before the restart after so many failures in a row (1 or more)."""
    return float(min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** min(failures - 1, 10)))


@dataclass(slots=True)
class Child:
    """A program that has to run for as long as the platform does.

    `start` spawns it without waiting. Times are monotonic seconds, passed in.
    """

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    stop_signal: signal.Signals = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = None
    _started_at: float = 0.0
    _failures: int = 0
    _restart_at: float | None = None

    def launch(self, now: float) -> None:
        """Start it, for the first time or again."""
        self.process = self.start()
        self._started_at = now
        self._restart_at = None

    def look_after(self, now: float) -> None:
        """Notice a death and start again when the delay is over."""
        if self._restart_at is not None:
            if now >= self._restart_at:
                self._restart(now)
        elif self.process is not None and _has_ended(self.process):
            self._note_death(self.process, now)

    def stop(self) -> None:
        """End it and everything in its group."""
        self._restart_at = None
        if self.process is not None:
            processes.stop(self.process, stop_signal=self.stop_signal, timeout_seconds=STOP_SECONDS)
            self.process = None

    def _note_death(self, process: subprocess.Popen[bytes], now: float) -> None:
        # While the dead leader isn't reaped yet its number can't name another process or group.
        processes.kill_leftovers(process.pid)
        code = process.wait()
        self.process = None
        self._failures = 1 if now - self._started_at >= STEADY_SECONDS else self._failures + 1
        delay = restart_delay(self._failures)
        self._restart_at = now + delay
        say(f"{self.name} ended ({_reason(code)}); starting it again in {delay:g} s")

    def _restart(self, now: float) -> None:
        try:
            self.launch(now)
        except OSError as error:
            self._failures += 1
            self._restart_at = now + restart_delay(self._failures)
            say(f"{self.name} can't be started: {error.strerror}")
            return
        assert self.process is not None
        say(f"{self.name} started again (pid {self.process.pid})")


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has ended, without reaping it."""
    result = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return result is not None


def _reason(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

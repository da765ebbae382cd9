"""Work in processes of its own, prepared first and started together, so that no side pays for the other's Python."""

from __future__ import annotations

import multiprocessing
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Generic, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

# Not fork: a child begins without this process's connections and locks, on every system.
_context = multiprocessing.get_context("spawn")


class JobError(RuntimeError):
    """A job raised; the text is its traceback."""


@dataclass(frozen=True, slots=True)
class Timed(Generic[T]):
    """What a job returned, when it ran on the machine's monotonic clock, and the CPU time it used meanwhile."""

    value: T
    began: float
    ended: float
    cpu_seconds: float


class Job(Generic[T]):
    """`prepare(*args)` runs at once in a new process and returns the work that each `go` starts once."""

    def __init__(self, prepare: Callable[P, Callable[[], T]], *args: P.args, **kwargs: P.kwargs) -> None:
        self._here, there = _context.Pipe()
        self._process = _context.Process(target=_serve, args=(there, prepare, args, kwargs), daemon=True)
        self._process.start()
        there.close()

    def wait_until_prepared(self) -> None:
        """Raises JobError."""
        self._receive()

    def go(self) -> None:
        self._here.send(None)

    def result(self) -> Timed[T]:
        """Wait for the end of the work. Raises JobError."""
        timed: Timed[T] = self._receive()
        return timed

    def close(self) -> None:
        """End the process."""
        self._here.close()
        self._process.join()

    def _receive(self) -> Any:
        try:
            answer = self._here.recv()
        except EOFError:
            raise JobError("the process of a job died") from None
        if isinstance(answer, str):
            raise JobError(answer)
        return answer


def _serve(
    pipe: Connection, prepare: Callable[..., Callable[[], Any]], args: Sequence[Any], kwargs: dict[str, Any]
) -> None:
    try:
        work = prepare(*args, **kwargs)
        pipe.send(None)
        while True:
            pipe.recv()
            began, used = time.monotonic(), time.process_time()
            value = work()
            pipe.send(Timed(value, began, time.monotonic(), time.process_time() - used))
    except EOFError:
        return  # closed on the other side
    except Exception:
        pipe.send(traceback.format_exc())


def run_together(jobs: Sequence[Job[T]]) -> list[Timed[T]]:
    """Start all when all are prepared; returns when all have ended, and ends their processes."""
    for job in jobs:
        job.wait_until_prepared()
    for job in jobs:
        job.go()
    results = [job.result() for job in jobs]
    for job in jobs:
        job.close()
    return results


def wall_seconds(results: Sequence[Timed[Any]]) -> float:
    """From the first start to the last end."""
    return max(one.ended for one in results) - min(one.began for one in results)

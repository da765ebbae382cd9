"""What a file in `rows/` provides, and what it is given."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.progress import Progress
from benchmarks.report import Row, figure
from benchmarks.running import RunningPlatform

ROUNDS = 5
Scale = Literal["small", "full"]


@dataclass(frozen=True, slots=True)
class Bench:
    """The run of one benchmark: how big, where, what ends with it, and how to tell how far it is."""

    scale: Scale
    folder: Path
    stack: ExitStack
    progress: Progress
    only: str = ""
    """The one row that is asked for; all by default."""

    def pick(self, *, small: int, full: int) -> int:
        """The size for this run's scale."""
        return full if self.scale == "full" else small

    def start_platform(self, **variables: str) -> RunningPlatform:
        """A whole platform with empty data; it stops when the benchmark ends."""
        self.progress.say("starting a platform")
        return self.stack.enter_context(RunningPlatform(self.folder, **variables))

    def alternate(
        self, ours: Callable[[], float], theirs: Callable[[], float], rounds: int = ROUNDS
    ) -> tuple[list[float], list[float]]:
        """Measure both sides in turns; who begins changes each round, so that a warming machine favours nobody."""
        found: dict[str, list[float]] = {"ours": [], "theirs": []}
        sides = [("ours", ours), ("theirs", theirs)]
        for number in range(rounds):
            for name, measure in sides if number % 2 == 0 else reversed(sides):
                found[name].append(measure())
                so_far = ", ".join(f"{side} {figure(statistics.median(f))}" for side, f in found.items() if f)
                self.progress.advance(sum(map(len, found.values())), 2 * rounds, so_far)
        return found["ours"], found["theirs"]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One file of `rows/`: its constant BENCHMARK. `run` answers one or more rows, the first of this name.

    `more` names rows that share its data and can be asked for as well. What isn't asked for may come along.
    """

    name: str
    run: Callable[[Bench], Sequence[Row]]
    more: tuple[str, ...] = ()


def not_measured(name: str, *, goal: float, unit: str, reason: str) -> Benchmark:
    """A benchmark of the plan whose subject doesn't exist yet."""
    return Benchmark(name, lambda bench: [Row(name, goal, unit, reason=reason)])

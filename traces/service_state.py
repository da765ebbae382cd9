"""Whether a service is well, from its numbers: one rule for every page that shows services."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

FAILING_RATIO = 0.05
SLOWER_TIMES = 2
FEW_SPANS = 20
"""Of so few, one slow span makes a percentile: nothing is called slow by them."""


class ServiceState(Enum):
    """Those in most trouble first. The value: the word that people read, the state its colour stands for, its icon."""

    FAILING = ("failing", "error", "error")
    SLOW = ("slow", "warning", "speed")
    SILENT = ("silent", "warning", "volume_off")
    OK = ("ok", "good", "check_circle")
    UNKNOWN = ("unknown", "quiet", "help")

    @property
    def word(self) -> str:
        return self.value[0]

    @property
    def tone(self) -> str:
        return self.value[1]

    @property
    def icon(self) -> str:
        """A sign of the font of symbols."""
        return self.value[2]

    @property
    def rank(self) -> int:
        return list(ServiceState).index(self)


@dataclass(frozen=True, slots=True)
class Half:
    """What a service did in one of two stretches of the same length."""

    span_count: int = 0
    error_count: int = 0
    p95_ms: float | None = None

    @property
    def error_ratio(self) -> float:
        return self.error_count / self.span_count if self.span_count else 0.0


def state_of(before: Half, now: Half) -> ServiceState:
    """Failing from 5 % errors on; slow at twice the p95 of the stretch before; silent where only that had spans."""
    if not now.span_count:
        return ServiceState.SILENT
    if now.error_ratio >= FAILING_RATIO:
        return ServiceState.FAILING
    is_comparable = min(before.span_count, now.span_count) >= FEW_SPANS
    if is_comparable and (now.p95_ms or 0) >= SLOWER_TIMES * (before.p95_ms or 0) > 0:
        return ServiceState.SLOW
    return ServiceState.OK

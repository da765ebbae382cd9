"""Signs of life: one row for each part, overwritten each time it has done its work."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from alerting.bounds import bounded_transaction
from alerting.models import Pulse

Part = Literal["evaluation", "delivery", "heartbeat"]


def beat(part: Part, at: datetime, *, duration_ms: float, detail: Mapping[str, Any]) -> None:
    """Note that a part has finished a round at `at`: one statement."""
    with bounded_transaction():
        Pulse.objects.bulk_create(
            [Pulse(name=part, last_at=at, duration_ms=duration_ms, detail=dict(detail))],
            update_conflicts=True,
            unique_fields=["name"],
            update_fields=["last_at", "duration_ms", "detail"],
        )


def pulses() -> dict[str, Pulse]:
    """The last sign of life by part; a part that never had one is missing."""
    return {pulse.name: pulse for pulse in Pulse.objects.all()}

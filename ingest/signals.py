"""How records of each signal become rows, and which retention bounds their times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from events.identities import prepare as prepare_identities
from events.records import prepare as prepare_events
from ingest.protocols.base import SignalName
from metrics.business import prepare as prepare_business_metrics
from metrics.exemplars import prepare as prepare_exemplars
from metrics.metadata import prepare as prepare_metadata
from metrics.records import prepare as prepare_metrics
from projects.retention import Kind
from storage.records import Bounds, RecordError, Write
from traces.records import prepare as prepare_spans

Prepare = Callable[[Iterable[tuple[int, Any]], Bounds], tuple[Write, list[RecordError]]]


@dataclass(frozen=True, slots=True)
class Signal:
    """How one kind of record becomes rows, and which retention bounds its time."""

    kind: Kind
    prepare: Prepare
    goes_along: bool = False
    """Its records are kept only where those at the same places of the parts before them are."""


SIGNALS: Mapping[SignalName, Signal] = {
    "events": Signal("events", prepare_events),
    "metrics": Signal("metrics", prepare_metrics),
    "business": Signal("business", prepare_business_metrics),
    "traces": Signal("traces", prepare_spans),
    "exemplars": Signal("metrics", prepare_exemplars),
    "metadata": Signal("metrics", prepare_metadata),
    "identities": Signal("events", prepare_identities, goes_along=True),
}

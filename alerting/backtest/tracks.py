"""What a replay measured, step by step, in few bytes: for a chart, and to ask what other thresholds would have done."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from alerting.sources.samples import Answer, LabelSet
from alerting.state import Sample

MAX_SAMPLES = 2_000_000
"""12 bytes each. A rule with more of them has hundreds of label sets, which no chart shows."""


@dataclass(slots=True)
class Track:
    """The samples of one label set: the steps it had one at, and their values, NaN for no data."""

    steps: array[int] = field(default_factory=lambda: array("L"))
    values: array[float] = field(default_factory=lambda: array("d"))
    stale: set[int] = field(default_factory=set)

    def items(self) -> Iterator[tuple[int, float]]:
        return zip(self.steps, self.values, strict=True)

    def numbers(self) -> list[float]:
        return [value for value in self.values if not math.isnan(value)]


class Tracks:
    """All that was measured. `absent` is the value of a label set that has no rows: 0, or None for no data."""

    def __init__(self, *, absent: float | None, is_grouped: bool) -> None:
        self.step_count = 0
        self.by_labels: dict[LabelSet, Track] = {}
        self.broken: set[int] = set()
        """The steps at which the rule could not be evaluated."""
        self.is_full = False
        """Whether there was more than could be kept: then all is forgotten."""
        self.absent: Final = absent
        self.is_grouped: Final = is_grouped
        self._sample_count = 0

    def add(self, answer: Answer, error: str) -> None:
        """The next step."""
        step, self.step_count = self.step_count, self.step_count + 1
        if error:
            self.broken.add(step)
        elif not self.is_full:
            for labels, sample in _samples(self, answer).items():
                self._keep(step, labels, sample)

    def has_data(self) -> bool:
        """Whether any step had a number."""
        return self.is_full or any(track.numbers() for track in self.by_labels.values())

    def values(self, most: int = 200_000) -> Sequence[float]:
        """The numbers of all label sets, of very many an even selection."""
        found = [value for track in self.by_labels.values() for value in track.numbers()]
        return found[:: -(-len(found) // most) or 1]

    def _keep(self, step: int, labels: LabelSet, sample: Sample) -> None:
        track = self.by_labels.setdefault(labels, Track())
        track.steps.append(step)
        track.values.append(math.nan if sample.value is None else sample.value)
        if sample.stale:
            track.stale.add(step)
        self._sample_count += 1
        if self._sample_count > MAX_SAMPLES:
            self.is_full = True
            self.by_labels = {}


def _samples(tracks: Tracks, answer: Answer) -> Mapping[LabelSet, Sample]:
    """As the evaluation completes an answer, alerts that are open aside."""
    nothing = Sample(tracks.absent)
    found = dict(answer.samples)
    if not tracks.is_grouped:
        found.setdefault((), nothing)
    for labels in answer.silent:
        found.setdefault(labels, nothing)
    return found

"""What other thresholds would have done to the same measurements: `advance` once more, without the sources. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count

from alerting.backtest.period import Period
from alerting.backtest.tally import Sum, Tally
from alerting.backtest.tracks import Track, Tracks
from alerting.state import COMPARE, FLAP_WINDOW, AlertState, Change, RuleState, Sample, advance

MOST_THRESHOLDS, FEWEST_THRESHOLDS = 20, 5
MAX_STEPS = 10_000_000
"""Steps of label sets over all thresholds together: some seconds."""

_QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999, 1.0)
"""On the side that a rule is about: closer together where a threshold makes the difference."""
_EVEN_PARTS = 10

_STALE = Sample(None, stale=True)


@dataclass(frozen=True, slots=True)
class CurvePoint:
    threshold: float
    sum: Sum


def thresholds(values: Sequence[float], rule: RuleState) -> list[float]:
    """About 20 round numbers: quantiles, some at even distances, one that no value is past, the rule's own. Rising."""
    ordered = sorted(value for value in values if math.isfinite(value))
    if not ordered or rule.operator in {"==", "!="}:
        return []
    is_upper = rule.operator in {">", ">="}
    if not is_upper:
        ordered.reverse()
    low, high = min(ordered), max(ordered)
    margin = (high - low) / 20 or abs(high) / 10 or 1.0
    beyond = high + margin if is_upper else low - margin
    quantiles = (ordered[round(share * (len(ordered) - 1))] for share in _QUANTILES)
    even = (low + (high - low) * part / _EVEN_PARTS for part in range(1, _EVEN_PARTS))
    candidates = sorted(map(_round, (*quantiles, *even, beyond)))
    return _apart(candidates, rule.threshold, (high - low) / 200)


def curve(
    tracks: Tracks,
    period: Period,
    rule: RuleState,
    candidates: Sequence[float],
    is_over: Callable[[], bool],
) -> list[CurvePoint]:
    """What each candidate would have done; fewer of them where there is much to go through, none where time is over."""
    lines = {labels: _dense(tracks, track) for labels, track in tracks.by_labels.items()}
    work = max(1, len(lines) * tracks.step_count)
    most = max(FEWEST_THRESHOLDS, min(MOST_THRESHOLDS, MAX_STEPS // work))
    moments = list(period.moments())
    points: list[CurvePoint] = []
    for threshold in _thinned(candidates, rule.threshold, most):
        if is_over():
            return []
        tally = Tally()
        for labels, line in lines.items():
            for step in _steps(line, moments, replace(rule, threshold=threshold), tracks):
                tally.note(step.at, labels, step.state, step.change)
        tally.close(period.end)
        points.append(CurvePoint(threshold, tally.total()))
    return points


@dataclass(frozen=True, slots=True)
class _Step:
    at: datetime
    state: AlertState | None
    change: Change | None


def _dense(tracks: Tracks, track: Track) -> list[Sample | None]:
    """A sample for each step; None where the label set had none."""
    line: list[Sample | None] = [None] * tracks.step_count
    known: dict[float, Sample] = {}
    nothing = Sample(None)
    for step, value in track.items():
        if step in track.stale:
            line[step] = _STALE
        elif math.isnan(value):
            line[step] = nothing
        else:
            line[step] = known.setdefault(value, Sample(value))
    return line


def _steps(
    line: Sequence[Sample | None], moments: Sequence[datetime], rule: RuleState, tracks: Tracks
) -> Iterator[_Step]:
    """The alerts of one label set, as `evaluation.decide` makes them step by step."""
    alert: AlertState | None = None
    firings: list[datetime] = []
    absent = Sample(tracks.absent)
    for now, sample, step in zip(moments, line, count(), strict=False):
        if step in tracks.broken or _changes_nothing(alert, sample, rule):
            continue
        firings = [at for at in firings if now - at < FLAP_WINDOW] if firings else firings
        alert, change = advance(alert, sample or absent, rule, now, firings)
        yield _Step(now, alert, change)
        if change and change.kind == "status" and change.to_status == "firing":
            firings = [*firings, now]
        if alert and alert.status == "resolved":
            alert = None


def _changes_nothing(alert: AlertState | None, sample: Sample | None, rule: RuleState) -> bool:
    """A quick yes for most steps of most thresholds: all is well, or as wrong as it was."""
    if sample is None or sample.stale:
        return alert is None
    if alert is None:
        if sample.value is None:
            return rule.no_data != "alert"
        return not COMPARE[rule.operator](sample.value, rule.threshold)
    return (
        alert.status == "firing"
        and alert.keep_firing_since is None
        and rule.critical_threshold is None
        and sample.value is not None
        and COMPARE[rule.operator](sample.value, rule.threshold)
    )


def _round(value: float) -> float:
    return float(f"{value:.3g}")


def _apart(candidates: Sequence[float], own: float, distance: float) -> list[float]:
    """Those that differ enough to be a choice, and the rule's own."""
    kept: list[float] = []
    for candidate in candidates:
        if abs(candidate - own) > distance and (not kept or candidate - kept[-1] > distance):
            kept.append(candidate)
    return sorted([*kept, own])


def _thinned(candidates: Sequence[float], own: float, most: int) -> list[float]:
    """At most so many of them, evenly chosen, the rule's own always among them."""
    if len(candidates) <= most:
        return list(candidates)
    step = (len(candidates) - 1) / (most - 1)
    chosen = {candidates[round(number * step)] for number in range(most)}
    return sorted({*chosen, own})

"""One backtest: telemetry read once, then the evaluation of `alerting.replay` step by step over it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import OperationalError, connection
from msgspec import structs
from psycopg.errors import QueryCanceled

from alerting.backtest import history
from alerting.backtest.cast import Cast, cast_of, with_interval, with_unit
from alerting.backtest.curve import CurvePoint, curve, thresholds
from alerting.backtest.errors import Busy, TooMuch
from alerting.backtest.needs import needs_of
from alerting.backtest.period import KINDS, Period, check_kept, period_of
from alerting.backtest.tally import Tally
from alerting.backtest.tracks import Tracks
from alerting.bounds import bounded_transaction
from alerting.models import Rule
from alerting.replay.engine import Replay, ReplayedRule
from alerting.rule_types.conditions import Condition, common_errors, recovery_error
from alerting.sources.scans import TooManyGroups
from alerting.units import unit_of
from projects.retention import days_kept

STATEMENT_SECONDS = 10.0
LIMIT_SECONDS = 20.0
CHART_SECONDS = 5.0
LOCK_CLASS = 0x7E21
"""Of advisory locks, beside those of storage."""

_TOO_LONG = "take a shorter period, fewer label sets, or a longer evaluation interval."


@dataclass(frozen=True, slots=True)
class Backtest:
    """What a rule would have done. `tracks` has a step for each of the period's moments.

    `curve` is empty where the rule has no threshold to choose, or there is too much to ask again.
    `notes` say in words what is not as in production.
    """

    rule: ReplayedRule
    period: Period
    tally: Tally
    tracks: Tracks
    curve: Sequence[CurvePoint]
    notes: Sequence[str]


def backtest(rule: Rule, condition: Condition, start: datetime, end: datetime, now: datetime) -> Backtest:
    """Replay a checked rule, saved or not, over the telemetry of its project between `start` and `end`.

    One at a time in a project, at most 20 s. Raises BacktestError, and django.db.Error when the server is away.
    """
    period = period_of(start, end, rule.evaluation_interval_seconds, now)
    acting = cast_of(rule, condition)
    acting = replace(acting, lead=with_unit(acting.lead, unit_of(rule, condition)))
    _check_kept(rule, acting, start, now)
    is_over = _limit(LIMIT_SECONDS)
    with _in_time(STATEMENT_SECONDS):
        _take_turn(rule.project_id)
        tally, tracks, errors = _replay(acting, period, rule.project_id, is_over)
        lead = with_interval(acting.lead, period.step_seconds)
        found = _curve(lead, tracks, period, is_over)
    return Backtest(lead, period, tally, tracks, found, _notes(acting.lead, period, tracks, errors))


def measured(
    rule: Rule, condition: Condition, start: datetime, end: datetime, now: datetime
) -> tuple[Period, Tracks]:
    """What a checked rule measured in a short period, in steps of its interval: for a chart, within 5 s.

    Takes no turn, so that several people can look at an alert at once. Raises as `backtest` does.
    """
    period = period_of(start, end, rule.evaluation_interval_seconds, now)
    acting = cast_of(rule, condition)
    _check_kept(rule, acting, start, now)
    is_over = _limit(CHART_SECONDS)
    with _in_time(CHART_SECONDS):
        _, tracks, _ = _replay(acting, period, rule.project_id, is_over)
    return period, tracks


def _check_kept(rule: Rule, acting: Cast, start: datetime, now: datetime) -> None:
    kept = {source: days_kept(rule.project_id, KINDS[source][0]) for source in acting.sources}
    check_kept(start, now, kept)


@contextmanager
def _in_time(seconds: float) -> Iterator[None]:
    """A transaction whose statements take at most so long. What is too much becomes TooMuch."""
    try:
        with bounded_transaction(round(seconds * 1000)):
            yield
    except TooManyGroups as error:
        raise TooMuch(str(error)) from None
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TooMuch(
                f"Reading the telemetry of this period took more than {seconds:.0f} s: {_TOO_LONG}"
            ) from None
        raise


def _limit(seconds: float) -> Callable[[], bool]:
    ends = time.monotonic() + seconds
    return lambda: time.monotonic() > ends


def _take_turn(project_id: int) -> None:
    """Until the transaction ends. Raises Busy."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK_CLASS, project_id])
        if not cursor.fetchone()[0]:
            raise Busy


def _replay(
    acting: Cast, period: Period, project_id: int, is_over: Callable[[], bool]
) -> tuple[Tally, Tracks, list[str]]:
    """What happened, what was measured, and the errors of evaluations."""
    sources = history.load(needs_of(acting.rules, acting.names), project_id, period)
    lead = with_interval(acting.lead, period.step_seconds)
    replay = Replay([lead, *acting.others], sources, project_id)
    if acting.names:
        # Also of rules that are disabled: these are known, and never fire.
        sources.note_rules(acting.names)
    is_zero = lead.rule_type.is_zero_without_rows(lead.condition, lead.source_type)
    tracks = Tracks(absent=0.0 if is_zero else None, is_grouped=bool(lead.condition.group_by))
    tally, errors = Tally(), list[str]()
    for now in period.moments():
        if is_over():
            raise TooMuch(f"Replaying this period takes too long: {_TOO_LONG}")
        for evaluation in replay.step(now):
            if evaluation.rule_id == lead.id:
                tracks.add(evaluation.answer, evaluation.error)
                errors += [evaluation.error] if evaluation.error else []
                for move in evaluation.moves:
                    tally.note(now, move.labels, move.state, move.change)
    tally.close(period.end)
    return tally, tracks, errors


def _curve(
    rule: ReplayedRule, tracks: Tracks, period: Period, is_over: Callable[[], bool]
) -> list[CurvePoint]:
    """For rules whose form asks for a threshold."""
    if "threshold" not in rule.rule_type.form_fields(rule.source_type):
        return []
    candidates = thresholds(tracks.values(), rule.state)
    possible = [threshold for threshold in candidates if _is_possible(rule, threshold)]
    return curve(tracks, period, rule.state, possible, is_over)


def _is_possible(rule: ReplayedRule, threshold: float) -> bool:
    """Whether the rule could be saved with it, all else as it is."""
    condition = structs.replace(rule.condition, threshold=threshold)
    errors = {**common_errors(condition), **rule.rule_type.check(condition, rule.source_type)}
    return not errors and not recovery_error(condition, rule.state.recovery_threshold)


def _notes(rule: ReplayedRule, period: Period, tracks: Tracks, errors: Sequence[str]) -> list[str]:
    notes: list[str] = []
    interval_seconds = rule.state.evaluation_interval_seconds
    if period.step_seconds > interval_seconds:
        notes.append(
            f"Evaluated each {period.step_seconds:g} s instead of each {interval_seconds:g} s, because the period "
            "is long: what came and went in between is not seen."
        )
    if errors:
        notes.append(
            f"At {len(errors):,} of {tracks.step_count:,} evaluations the rule could not be evaluated: "
            f"{errors[0]}"
        )
    if tracks.is_full:
        notes.append(
            "There are too many label sets for a chart and for other thresholds: group by fewer labels."
        )
    return notes

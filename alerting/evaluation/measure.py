"""One query per group of rules, and one bad rule spoils no group."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from django.db import DatabaseError, InterfaceError, connection
from psycopg.errors import QueryCanceled

from alerting.bounds import bounded_transaction
from alerting.evaluation.claim import TOO_SLOW, ClaimedRule
from alerting.evaluation.judging import answer_error, may_move, wants_silent
from alerting.rule_types import AnyRuleType, ConditionError, rule_type
from alerting.rule_types.conditions import Condition, RuleInput
from alerting.rule_types.event_matchers import MAX_CACHED
from alerting.sources.reading import Reading
from alerting.sources.samples import Answer
from alerting.sources.scans import TooManyGroups
from alerting.sources.sql import SqlSources

logger = logging.getLogger(__name__)

SOURCES = SqlSources()
STATEMENT_TIMEOUT_MS = 5_000
SHORTEST_TIMEOUT_MS = 1_000
"""Each halving of a group that failed halves its time too, so that one slow rule costs a tick about 10 s."""
MEASURE_SECONDS = 20.0
"""After this no further query begins: the tick must end, and save what it has, well before its task is killed."""
NO_TIME = "There was no time for it: other rules took too long."
SERVERS_CLASSES = frozenset({"08", "25", "40", "53", "57"})
"""Classes of SQLSTATE that say something of the connection, the transaction or the server, not of a query."""
QUERYS_OWN = frozenset({"53400", "57014"})
"""Exceptions to that: a limit per query exceeded, and its time."""


class Measured(msgspec.Struct, frozen=True, gc=False):
    """A rule with its typed condition and either its answer or the reason why there is none.

    `duration_ms` is that of the query which answered it, together with all rules of its group. `may_move`: its alerts
    may change, or one may open.
    """

    rule: ClaimedRule
    rule_type: AnyRuleType | None
    condition: Condition | None
    answer: Answer | None
    error: str = ""
    duration_ms: float = 0.0
    may_move: bool = True


class Parsed(NamedTuple):
    """What a stored condition says; `plan` is that of its rule type."""

    rule_type: AnyRuleType
    condition: Condition
    plan: Any


class _Planned(msgspec.Struct, frozen=True, gc=False):
    rule: ClaimedRule
    rule_type: AnyRuleType
    condition: Condition
    wants_silent: bool


def measure_all(rules: Sequence[ClaimedRule], with_alerts: set[int], now: datetime) -> list[Measured]:
    """Measure rules in groups of equal plans. `with_alerts` are the ids of rules with open alerts.

    Rules that took too long the last time come last, by themselves: they cost the others nothing.
    """
    ends_at = time.monotonic() + MEASURE_SECONDS
    groups: dict[Any, list[_Planned]] = defaultdict(list)
    measured: list[Measured] = []
    for rule in rules:
        try:
            kind, condition, plan = parse_condition(rule.rule_type, rule.source_type, rule.condition_text)
            has_alerts = rule.id in with_alerts
            silent = wants_silent(kind, condition, rule.source_type, rule.no_data, has_alerts=has_alerts)
            planned = _Planned(rule, kind, condition, silent)
            delay_seconds = rule.evaluation_delay_seconds
            groups[rule.was_too_slow, rule.project_id, delay_seconds, kind.name, plan].append(planned)
        except ConditionError as error:
            measured.append(Measured(rule, None, None, None, f"The condition can't be used: {error}"))
        except Exception as error:  # a bug that one condition shows must not stop all other rules
            _log(rule, error)
            measured.append(Measured(rule, None, None, None, _reason(error)))
    for (_, _, delay_seconds, _, plan), group in sorted(groups.items(), key=lambda item: item[0][0]):
        window_end = now - timedelta(seconds=delay_seconds)
        measured += _measure_group(plan, group, window_end, ends_at, STATEMENT_TIMEOUT_MS)
    return measured


def parse_condition(type_name: str, source: str, config_text: str) -> Parsed:
    """The condition of a stored rule. Raises ConditionError; cached but for long ones, as most stay the same."""
    parse = _cached if len(config_text) <= MAX_CACHED else _parsed
    return parse(type_name, source, config_text)


def _parsed(type_name: str, source: str, config_text: str) -> Parsed:
    try:
        kind = rule_type(type_name)
    except KeyError:
        raise ConditionError({"rule_type": f"There is no rule type {type_name!r}."}) from None
    condition = kind.parse(msgspec.json.decode(config_text), source)
    return Parsed(kind, condition, kind.plan(condition, source))


_cached = lru_cache(maxsize=20_000)(_parsed)


def _measure_group(
    plan: Any,
    group: Sequence[_Planned],
    now: datetime,
    ends_at: float,
    timeout_ms: int,
) -> list[Measured]:
    """Measure together; where that fails, each half alone, so that only the guilty rule becomes unhealthy.

    What the server itself has (shutdown, lost connection, full disk) is raised: it says nothing about any rule, and
    all are due again at their next slot.
    """
    if time.monotonic() > ends_at:
        return [Measured(one.rule, one.rule_type, one.condition, None, NO_TIME) for one in group]
    try:
        return _query(plan, group, now, timeout_ms)
    except Exception as error:  # whatever it is, the rules that have no part in it are evaluated
        if isinstance(error, (DatabaseError, InterfaceError)) and _is_servers(error):
            raise
        if len(group) == 1:
            one = group[0]
            _log(one.rule, error)
            return [Measured(one.rule, one.rule_type, one.condition, None, _reason(error))]
    middle = len(group) // 2
    shorter_ms = max(timeout_ms // 2, SHORTEST_TIMEOUT_MS)
    return [
        *_measure_group(plan, group[:middle], now, ends_at, shorter_ms),
        *_measure_group(plan, group[middle:], now, ends_at, shorter_ms),
    ]


def _query(plan: Any, group: Sequence[_Planned], now: datetime, timeout_ms: int) -> list[Measured]:
    first = group[0]
    inputs = [RuleInput(one.rule.id, one.condition, one.wants_silent) for one in group]
    began = time.monotonic()
    with bounded_transaction(timeout_ms):
        reading = Reading(SOURCES, first.rule.project_id, now)
        answers = first.rule_type.measure(plan, reading, inputs)
    duration_ms = 1000 * (time.monotonic() - began)
    return [_within_limit(one, answers[one.rule.id], duration_ms) for one in group]


def _within_limit(one: _Planned, answer: Answer, duration_ms: float) -> Measured:
    rule, condition = one.rule, one.condition
    if error := answer_error(condition, rule.no_data, answer):
        return Measured(rule, one.rule_type, condition, None, error, duration_ms)
    moves = may_move(condition, rule.no_data, answer, wants_silent=one.wants_silent)
    return Measured(rule, one.rule_type, condition, answer, "", duration_ms, moves)


def _is_servers(error: Exception) -> bool:
    """Whether the connection is gone, or PostgreSQL's code blames something other than the query."""
    if connection.connection is None or connection.connection.closed:
        return True
    code = getattr(error.__cause__, "sqlstate", None) or ""
    return code[:2] in SERVERS_CLASSES and code not in QUERYS_OWN


def _log(rule: ClaimedRule, error: Exception) -> None:
    is_expected = isinstance(error, (DatabaseError, TooManyGroups))
    name = type(error.__cause__ or error).__name__
    logger.warning(
        "rule %s could not be evaluated: %s", rule.id, name, exc_info=None if is_expected else error
    )


def _reason(error: Exception) -> str:
    if isinstance(error, TooManyGroups):
        return str(error)
    if not isinstance(error, (DatabaseError, InterfaceError)):
        return f"Internal error: {type(error).__name__}"
    if isinstance(error.__cause__, QueryCanceled):
        return TOO_SLOW
    lines = str(error).strip().splitlines()
    return f"The query failed: {lines[0] if lines else type(error).__name__}"

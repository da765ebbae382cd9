"""One query per group of rules, and one bad rule spoils no group."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
from django.db import DatabaseError, InterfaceError, connection
from psycopg.errors import QueryCanceled

from alerting.bounds import bounded_transaction
from alerting.evaluation.claim import ClaimedRule
from alerting.evaluation.judging import answer_error, wants_silent
from alerting.rule_types import AnyRuleType, ConditionError, rule_type
from alerting.rule_types.conditions import Condition, RuleInput
from alerting.sources.reading import Reading
from alerting.sources.samples import Answer
from alerting.sources.scans import TooManyGroups
from alerting.sources.sql import SqlSources

logger = logging.getLogger(__name__)

SOURCES = SqlSources()
STATEMENT_TIMEOUT_MS = 5_000
SHORTEST_TIMEOUT_MS = 1_000
"""Each halving of a group that failed halves its time too, so that one slow rule costs a tick about 10 s."""
SERVERS_CLASSES = frozenset({"08", "25", "40", "53", "57"})
"""Classes of SQLSTATE that say something of the connection, the transaction or the server, not of a query."""
QUERYS_OWN = frozenset({"53400", "57014"})
"""Exceptions to that: a limit per query exceeded, and its time."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A rule with its typed condition and either its answer or the reason why there is none."""

    rule: ClaimedRule
    rule_type: AnyRuleType | None
    condition: Condition | None
    answer: Answer | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class _Planned:
    rule: ClaimedRule
    rule_type: AnyRuleType
    condition: Condition
    wants_silent: bool


def measure_all(rules: Sequence[ClaimedRule], with_alerts: set[int], now: datetime) -> list[Measured]:
    """Measure rules in groups of equal plans. `with_alerts` are the ids of rules with open alerts."""
    groups: dict[Any, list[_Planned]] = defaultdict(list)
    measured: list[Measured] = []
    for rule in rules:
        try:
            kind, condition = parse_condition(rule.rule_type, rule.source_type, rule.condition_text)
            has_alerts = rule.id in with_alerts
            silent = wants_silent(kind, condition, rule.source_type, rule.no_data, has_alerts=has_alerts)
            planned = _Planned(rule, kind, condition, silent)
            plan = kind.plan(condition, rule.source_type)
            groups[rule.project_id, rule.evaluation_delay_seconds, kind.name, plan].append(planned)
        except ConditionError as error:
            measured.append(Measured(rule, None, None, None, f"The condition can't be used: {error}"))
        except Exception as error:  # a bug that one condition shows must not stop all other rules
            _log(rule, error)
            measured.append(Measured(rule, None, None, None, _reason(error)))
    for (_, delay_seconds, _, plan), group in groups.items():
        measured += _measure_group(plan, group, now - timedelta(seconds=delay_seconds))
    return measured


@lru_cache(maxsize=20_000)
def parse_condition(type_name: str, source: str, config_text: str) -> tuple[AnyRuleType, Condition]:
    """The typed condition of a stored rule. Raises ConditionError; cached, as most rules stay the same."""
    try:
        kind = rule_type(type_name)
    except KeyError:
        raise ConditionError({"rule_type": f"There is no rule type {type_name!r}."}) from None
    return kind, kind.parse(msgspec.json.decode(config_text), source)


def _measure_group(
    plan: Any, group: Sequence[_Planned], now: datetime, timeout_ms: int = STATEMENT_TIMEOUT_MS
) -> list[Measured]:
    """Measure together; where that fails, each half alone, so that only the guilty rule becomes unhealthy.

    What the server itself has (shutdown, lost connection, full disk) is raised: it says nothing about any rule, and
    all are due again at their next slot.
    """
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
        *_measure_group(plan, group[:middle], now, shorter_ms),
        *_measure_group(plan, group[middle:], now, shorter_ms),
    ]


def _query(plan: Any, group: Sequence[_Planned], now: datetime, timeout_ms: int) -> list[Measured]:
    first = group[0]
    inputs = [RuleInput(one.rule.id, one.condition, one.wants_silent) for one in group]
    with bounded_transaction(timeout_ms):
        reading = Reading(SOURCES, first.rule.project_id, now)
        answers = first.rule_type.measure(plan, reading, inputs)
    return [_within_limit(one, answers[one.rule.id]) for one in group]


def _within_limit(one: _Planned, answer: Answer) -> Measured:
    error = answer_error(one.condition, one.rule.no_data, answer)
    return Measured(one.rule, one.rule_type, one.condition, None if error else answer, error)


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
        return "The query took too long: take a shorter window."
    lines = str(error).strip().splitlines()
    return f"The query failed: {lines[0] if lines else type(error).__name__}"

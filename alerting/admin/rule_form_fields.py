"""What the rule types ask for, merged into one form: its fields, when the page shows them, what it offers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from alerting.models import Source
from alerting.rule_types import AnyRuleType, rule_types
from alerting.rule_types.condition_field import ConditionField
from alerting.rule_types.fields import scope


def kinds() -> list[AnyRuleType]:
    """All rule types, the plain ones first."""
    return sorted(rule_types().values(), key=lambda kind: (kind.rank, kind.label))


def watches() -> dict[str, dict[str, ConditionField]]:
    """The fields of every pair `<rule type>:<source>` that goes together."""
    return {f"{kind.name}:{source}": kind.form_fields(source) for kind in kinds() for source in kind.sources}


def condition_fields() -> dict[str, ConditionField]:
    """The fields of all rule types, each once; one is marked required when every type that has it requires it.

    First what is watched, then where and how far back, then what a type asks beside that.
    """
    fields: dict[str, ConditionField] = {}
    stages: dict[str, int] = {}
    # Once: making fields is what this costs.
    where = frozenset(scope("system_metric"))
    for own in watches().values():
        for name, field in own.items():
            known = fields.setdefault(name, field)
            known.required = known.required and field.required
            stages.setdefault(name, _stage(name, list(own), where))
    return {name: fields[name] for name in sorted(fields, key=lambda name: stages[name])}


def judging_fields() -> list[str]:
    """The condition's fields that say when it is wrong, each once; all others say what to watch."""
    return list(dict.fromkeys(name for kind in kinds() for name in kind.judged_by))


def watch_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Rule types by what they watch."""
    return [
        (
            source.label,
            [
                (f"{kind.name}:{source}", f"{source.label}: {kind.label}")
                for kind in kinds()
                if source in kind.sources
            ],
        )
        for source in Source
    ]


def shown_when(name: str) -> str:
    """The browser's condition for showing a field; empty when every rule type has it."""
    having = [watch for watch, names in _names().items() if name in names]
    if len(having) == len(_names()):
        return ""
    return f"[{', '.join(repr(watch) for watch in having)}].includes(watch)"


@cache
def shown_by_field() -> dict[str, str]:
    """`shown_when` of each field that not every rule type has; a page asks for it dozens of times."""
    return {name: when for name in condition_fields() if (when := shown_when(name))}


@cache
def _names() -> dict[str, frozenset[str]]:
    return {watch: frozenset(fields) for watch, fields in watches().items()}


def defaults_of(watch: str) -> dict[str, Any]:
    """What a new rule is offered, by field: the condition's own defaults, else those of its fields."""
    kind = rule_types()[watch.partition(":")[0]]
    own = {field.name: field.default for field in msgspec.structs.fields(kind.condition_class)}
    fields = kind.form_fields(watch.partition(":")[2])
    offered = {name: _default(own.get(name), field) for name, field in fields.items()}
    return {name: value for name, value in offered.items() if value not in (None, "")}


@cache
def texts_by_watch() -> dict[str, dict[str, str]]:
    """`defaults_of` every pair, as their inputs hold them: the page offers them when another one is chosen."""
    return {watch: _texts(defaults_of(watch), fields) for watch, fields in watches().items()}


def hints() -> dict[str, str]:
    """A line of help for each pair."""
    return {f"{kind.name}:{source}": kind.hint for kind in kinds() for source in kind.sources}


def _stage(name: str, own: Sequence[str], where: Collection[str]) -> int:
    """0 for what a type asks before `where` to look, 1 for that, 2 for what comes after."""
    if name in where:
        return 1
    return 0 if own.index(name) < min(own.index(one) for one in own if one in where) else 2


def _default(own: Any, field: ConditionField) -> Any:
    if own is msgspec.NODEFAULT or own is None or own == ():
        return field.initial
    return own


def _texts(defaults: Mapping[str, Any], fields: Mapping[str, ConditionField]) -> dict[str, str]:
    return {name: str(fields[name].prepare_value(value)) for name, value in defaults.items()}

"""The kinds of rules. A new one is a module here with a `RULE_TYPE`, and nothing else to edit."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from alerting.rule_types.conditions import AnyRuleType, ConditionError

__all__ = ["AnyRuleType", "ConditionError", "operator_of", "rule_type", "rule_types"]


@cache
def rule_types() -> dict[str, AnyRuleType]:
    """All rule types by name."""
    found: dict[str, AnyRuleType] = {}
    for module_info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        if candidate := getattr(module, "RULE_TYPE", None):
            found[candidate.name] = candidate
    return found


def rule_type(name: str) -> AnyRuleType:
    """The rule type of this name. Raises KeyError."""
    return rule_types()[name]


def operator_of(type_name: str, config: Mapping[str, Any]) -> str:
    """The operator of a stored condition, which may leave it to its type."""
    kind = rule_types().get(type_name)
    if "operator" in config or kind is None:
        return str(config.get("operator", ">="))
    (field,) = (one for one in msgspec.structs.fields(kind.condition_class) if one.name == "operator")
    return ">=" if field.required else str(field.default)

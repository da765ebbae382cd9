"""Rules as JSON objects, checked as the API checks them, but without a project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from alerting.api.rules import RuleSerializer
from alerting.models import OnError, Rule
from alerting.replay.engine import ReplayedRule
from alerting.rule_types import rule_type
from alerting.rule_types.conditions import RuleSettings, Sibling, rule_state
from alerting.rules import RuleError, check_rule

UNTESTED = ("notification_channels", "notification_config")
"""Who is told is a matter of the project's channels, which a file doesn't have."""

_READ_ONLY = frozenset(RuleSerializer.Meta.read_only_fields)


class FileRuleError(ValueError):
    """A rule that the API would refuse; the text says why."""


def siblings_of(configs: Sequence[Mapping[str, Any]]) -> list[Sibling]:
    """The rules of a file as those of one project: with the id that they bear, else one below 0."""
    return [
        Sibling(
            config["id"] if isinstance(config.get("id"), int) else -position,
            str(config.get("name")),
            str(config.get("rule_type")),
            config["condition_config"] if isinstance(config.get("condition_config"), Mapping) else {},
        )
        for position, config in enumerate(configs, start=1)
    ]


def read_rule(
    config: Mapping[str, Any], own: Sibling, siblings: Sequence[Sibling], interval_seconds: float
) -> ReplayedRule:
    """A rule to be evaluated each `interval_seconds`, its own interval aside. Raises FileRuleError.

    Flapping is damped only where the rule asks for it: Prometheus doesn't, and expectations name single moments.
    What a rule from the API says of itself beside its settings (`id`, `health`) is left out.
    """
    ignored = {"id", *UNTESTED, *_READ_ONLY}
    given = {name: value for name, value in config.items() if name not in ignored}
    serializer = RuleSerializer(data={"flap_detection": False, **given})
    del serializer.fields["notification_channels"]
    if not serializer.is_valid():
        raise FileRuleError(_words(serializer.errors))
    rule = Rule(pk=own.id, **serializer.validated_data)
    try:
        condition = check_rule(rule, (), lambda: siblings)
    except RuleError as error:
        raise FileRuleError(_words(error.errors)) from None
    # A choice of the model is any text to the type checker.
    state = rule_state(condition, cast(RuleSettings, rule))
    return ReplayedRule(
        id=own.id,
        name=rule.name,
        source_type=rule.source_type,
        rule_type=rule_type(rule.rule_type),
        condition=condition,
        state=replace(state, evaluation_interval_seconds=interval_seconds),
        evaluation_delay_seconds=rule.evaluation_delay_seconds,
        alerts_on_error=rule.on_error == OnError.ALERT,
    )


def _words(errors: Any) -> str:
    """Messages by field, and by key of the condition, on one line."""
    if isinstance(errors, Mapping):
        return "; ".join(f"{name}: {_words(message)}" for name, message in errors.items())
    return " ".join(map(str, errors)) if isinstance(errors, list) else str(errors)

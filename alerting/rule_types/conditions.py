"""What all rule types share: the typed condition, its errors by field, and the interface of a rule type."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeGuard, TypeVar, get_args, get_origin

import msgspec

from alerting.rule_types.condition_field import ConditionField
from alerting.sources.raw import RawQuestion
from alerting.sources.reading import Reading
from alerting.sources.samples import EVERY_LABEL, Answer, text_of
from alerting.state import NoDataPolicy, Operator, RuleState
from alerting.values import format_number, value_text
from analytics.matchers import EVERY_EVENT, Matcher, filter_in_words, parse

SourceName = Literal["telemetry_event", "system_metric", "business_metric", "trace", "rule"]

MAX_TEXT = 200
MAX_GROUP_BY = 20
MAX_FILTERS = 50
DAY_MINUTES = 24 * 60
DEFAULT_WINDOW_MINUTES = 5.0
MAX_WINDOW_MINUTES = 7 * DAY_MINUTES
"""A longer window would scan more than a week of raw rows at every tick."""

_MEASURING = frozenset({"threshold", "critical_threshold", "operator", "time_window_minutes", "aggregation"})
_PATH = re.compile(r" - at `\$\.?([\w]*)[^`]*`$")
_EXPECTED = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_WORDS = {
    "float": "a number",
    "int": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}


class ConditionError(ValueError):
    """`errors` maps each wrong field of the condition to what is wrong with it."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {message}" for name, message in errors.items()))
        self.errors = dict(errors)


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    """The fields every condition has. A window may be a fraction of a minute.

    Past `critical_threshold` an alert is critical, whatever the rule's severity.
    """

    threshold: float
    operator: Operator
    critical_threshold: float | None = None
    time_window_minutes: float = DEFAULT_WINDOW_MINUTES
    group_by: tuple[str, ...] = ()
    filters: dict[str, Any] = {}

    @property
    def window_seconds(self) -> float:
        return self.time_window_minutes * 60

    @property
    def coverage(self) -> dict[str, object]:
        """The fields that say which label sets a rule has; the others say when these are wrong."""
        return {name: getattr(self, name) for name in self.__struct_fields__ if name not in _MEASURING}

    def unit_in(self, source: str) -> str:
        """RATIO or PERCENT where its values are read as percent, as far as the condition itself tells."""
        return ""

    @cached_property
    def text_filters(self) -> tuple[tuple[str, str], ...]:
        """Filters of all but events as sorted texts, as labels and columns are compared."""
        return tuple(sorted((name, text_of(value)) for name, value in self.filters.items()))

    @property
    def matcher(self) -> Matcher:
        """Which events it watches, where it watches events."""
        return EVERY_EVENT

    @property
    def filters_in_words(self) -> list[str]:
        """`service_name is api`, one for each; only events are asked for more than one value."""
        return [
            f"{name} is {text_of(value)}"
            if is_scalar(value)
            else " and ".join(map(filter_in_words, parse({"filters": {name: value}}).filters))
            for name, value in sorted(self.filters.items())
        ]


ConditionT = TypeVar("ConditionT", bound=Condition)
PlanT = TypeVar("PlanT")


class RuleInput(msgspec.Struct, Generic[ConditionT], frozen=True, gc=False):
    """One rule of a plan. `wants_silent`: label sets that exist without data matter to it now."""

    rule_id: int
    condition: ConditionT
    wants_silent: bool


@dataclass(frozen=True, slots=True)
class Sibling:
    """A rule of the same project, its condition as it is stored."""

    id: int
    name: str
    rule_type: str
    condition_config: Mapping[str, Any]


class RuleType(ABC, Generic[ConditionT, PlanT]):
    """A kind of rule: its condition, its form, and how it is measured.

    A module of this package that has a `RULE_TYPE` is found by itself. `judged_by` are the keys of its condition that
    the form asks under "when it is wrong"; the others say what to watch. `label` completes "Events: ..." in a list,
    `hint` is a line of help with an example; those of a lower `rank` are offered first.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    hint: ClassVar[str]
    rank: ClassVar[int] = 2
    sources: ClassVar[tuple[SourceName, ...]]
    judged_by: ClassVar[tuple[str, ...]] = ("operator", "threshold", "critical_threshold")
    condition_class: type[ConditionT]

    def parse(self, config: object, source: str) -> ConditionT:
        """The typed condition. Raises ConditionError naming every key that is unknown, missing or wrong."""
        if not isinstance(config, Mapping):
            raise ConditionError({"condition_config": "Must be an object."})
        if errors := _key_errors(config, self.condition_class):
            raise ConditionError(errors)
        try:
            condition = msgspec.convert(config, self.condition_class)
        except msgspec.ValidationError as error:
            raise ConditionError(_type_errors(str(error), self.condition_class)) from None
        errors = {**common_errors(condition), **self.check(condition, source)}
        if source != "telemetry_event" and (problem := filters_error(condition.filters)):
            errors["filters"] = problem
        if errors:
            raise ConditionError(errors)
        return condition

    @abstractmethod
    def check(self, condition: ConditionT, source: str) -> dict[str, str]:
        """What is wrong with a well-typed condition, by field."""

    def check_in_project(
        self, condition: ConditionT, rule_id: int | None, siblings: Callable[[], Sequence[Sibling]]
    ) -> dict[str, str]:
        """What is wrong with a condition among its project's rules, by field. `rule_id` is None for a new rule.

        `siblings` loads the project's rules, the stored form of this one included; most types need not ask.
        """
        return {}

    @abstractmethod
    def describe(self, condition: ConditionT, source: str) -> str:
        """The condition as one plain sentence."""

    @abstractmethod
    def form_fields(self, source: str) -> dict[str, ConditionField]:
        """Form fields by the name of the condition's key; those of the same name are shared between types.

        Their `initial` is what a new rule of this type is offered, where the condition has no default of its own.
        """

    @abstractmethod
    def is_zero_without_rows(self, condition: ConditionT, source: str) -> bool:
        """Whether no rows mean 0 instead of no data."""

    @abstractmethod
    def plan(self, condition: ConditionT, source: str) -> PlanT:
        """A hashable plan; rules of one project with equal plans are measured together by one query."""

    @abstractmethod
    def measure(
        self, plan: PlanT, reading: Reading, inputs: Sequence[RuleInput[ConditionT]]
    ) -> dict[int, Answer]:
        """The answers by rule id, from as many questions to the sources for a thousand rules as for one.

        Raises django.db.Error or TooManyGroups.
        """

    def raw_questions(self, condition: ConditionT, source: str) -> tuple[RawQuestion, ...]:
        """The single records that the rule looks at, for people who ask why it fired; empty where it has none.

        By default those of its metric or its events that pass its filters, over its window.
        """
        if source == "telemetry_event":
            window_seconds = condition.window_seconds
            return (RawQuestion(source, "", (), condition.group_by, window_seconds, condition.matcher),)
        metric = getattr(condition, "metric", None) or ""
        return (
            RawQuestion(source, metric, condition.text_filters, condition.group_by, condition.window_seconds),
        )

    def members(self, condition: ConditionT) -> tuple[int | str, ...]:
        """Ids or names of the rules of the same project that this one looks at instead of telemetry."""
        return ()


AnyRuleType = RuleType[Any, Any]


class RuleSettings(Protocol):
    """The part of a stored rule, beside its condition, that its alerts' states depend on."""

    @property
    def source_type(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def recovery_threshold(self) -> float | None: ...
    @property
    def for_seconds(self) -> float: ...
    @property
    def keep_firing_for_seconds(self) -> float: ...
    @property
    def evaluation_interval_seconds(self) -> float: ...
    @property
    def no_data(self) -> NoDataPolicy: ...
    @property
    def flap_detection(self) -> bool: ...
    @property
    def last_evaluated_at(self) -> datetime | None: ...


def rule_state(condition: Condition, rule: RuleSettings) -> RuleState:
    return RuleState(
        operator=condition.operator,
        threshold=condition.threshold,
        critical_threshold=condition.critical_threshold,
        recovery_threshold=rule.recovery_threshold,
        severity=rule.severity,
        for_seconds=rule.for_seconds,
        keep_firing_for_seconds=rule.keep_firing_for_seconds,
        evaluation_interval_seconds=rule.evaluation_interval_seconds,
        no_data=rule.no_data,
        flap_detection=rule.flap_detection,
        last_evaluated_at=rule.last_evaluated_at,
        unit=condition.unit_in(rule.source_type),
    )


def _key_errors(config: Mapping[str, object], condition_class: type[Condition]) -> dict[str, str]:
    """Every key that is unknown or missing; msgspec would name the first one only."""
    fields = {field.name: field for field in msgspec.structs.fields(condition_class)}
    errors = {name: "Unknown key." for name in config if name not in fields}
    for name, field in fields.items():
        if field.required and name not in config:
            errors[name] = "This key is required."
    return errors


def _type_errors(message: str, condition_class: type[Condition]) -> dict[str, str]:
    """msgspec's message by field, in words: its path holds the field's name."""
    path = _PATH.search(message)
    name = path[1] if path else ""
    text = _PATH.sub("", message)
    if text.startswith("Invalid enum value"):
        return {name: f"Must be one of {' '.join(_choices(name, condition_class))}."}
    if expected := _EXPECTED.search(text):
        wanted = " or ".join(dict.fromkeys(_WORDS.get(kind, kind) for kind in expected[1].split(" | ")))
        return {name: f"Must be {wanted}, not {_WORDS.get(expected[2], expected[2])}."}
    return {name: f"{text}."}


def _choices(name: str, condition_class: type[Condition]) -> list[str]:
    """The values of a field whose type is a Literal, or one or None."""
    types = {field.name: field.type for field in msgspec.structs.fields(condition_class)}
    options = (types[name], *get_args(types[name])) if name in types else ()
    return [value for one in options if get_origin(one) is Literal for value in get_args(one)]


def common_errors(condition: Condition) -> dict[str, str]:
    errors: dict[str, str] = {}
    if not math.isfinite(condition.threshold):
        errors["threshold"] = "Must be a finite number."
    if problem := _critical_error(condition):
        errors["critical_threshold"] = problem
    if not 0 < condition.time_window_minutes <= MAX_WINDOW_MINUTES:
        errors["time_window_minutes"] = f"Must be more than 0 and at most {MAX_WINDOW_MINUTES} (a week)."
    if len(condition.group_by) > MAX_GROUP_BY:
        errors["group_by"] = f"Must have at most {MAX_GROUP_BY} names, not {len(condition.group_by)}."
    elif any(not name or len(name) > MAX_TEXT or "\0" in name for name in condition.group_by):
        errors["group_by"] = "Names a label that is empty or too long."
    elif len(set(condition.group_by)) != len(condition.group_by):
        errors["group_by"] = "Names a label twice."
    elif "*" in condition.group_by and condition.group_by != EVERY_LABEL:
        errors["group_by"] = "'*' keeps every label and stands alone."
    return errors


def _critical_error(condition: Condition) -> str:
    if condition.critical_threshold is None:
        return ""
    if not math.isfinite(condition.critical_threshold):
        return "Must be a finite number."
    match condition.operator:
        case ">" | ">=" if condition.critical_threshold <= condition.threshold:
            return "Must be above the threshold: it is worse."
        case "<" | "<=" if condition.critical_threshold >= condition.threshold:
            return "Must be below the threshold: it is worse."
        case "==" | "!=":
            return f"Has no meaning with the operator {condition.operator}."
    return ""


def is_scalar(value: object) -> TypeGuard[str | int | float | bool]:
    return isinstance(value, str | int | float | bool)


def filters_error(filters: Mapping[str, object]) -> str:
    """What is wrong with these filters of all but events in themselves; empty when nothing is."""
    if len(filters) > MAX_FILTERS:
        return f"Must have at most {MAX_FILTERS} keys, not {len(filters)}."
    for name, value in filters.items():
        if not name or len(name) > MAX_TEXT or "\0" in name:
            return "Names a label that is empty or too long."
        if not is_scalar(value):
            return f"{name}: must be text, a number, true or false."
        if isinstance(value, float) and not math.isfinite(value):
            return f"{name}: must be a finite number."
        if len(text_of(value)) > MAX_TEXT or "\0" in text_of(value):
            return f"{name}: must have at most {MAX_TEXT} characters, and no NUL."
    return ""


def recovery_error(condition: Condition, recovery_threshold: float | None) -> str:
    """Why this recovery threshold can't go with the condition; empty when it can."""
    if recovery_threshold is None:
        return ""
    if not math.isfinite(recovery_threshold):
        return "Must be a finite number."
    match condition.operator:
        case ">" | ">=" if recovery_threshold > condition.threshold:
            return "Must not be above the threshold: the value has to come down past it."
        case "<" | "<=" if recovery_threshold < condition.threshold:
            return "Must not be below the threshold: the value has to come up past it."
        case "==" | "!=":
            return f"Has no meaning with the operator {condition.operator}."
    return ""


def describe_window(minutes: float) -> str:
    if minutes < 1:
        return f"{format_number(minutes * 60)} s"
    if minutes >= 2 * DAY_MINUTES and minutes % DAY_MINUTES == 0:
        return f"{format_number(minutes / DAY_MINUTES)} d"
    if minutes >= 60 and minutes % 60 == 0:
        return f"{format_number(minutes / 60)} h"
    return f"{format_number(minutes)} min"


def describe_limit(condition: Condition, unit: str = "") -> str:
    """ "> 80", "> 5 %"."""
    return f"{condition.operator} {value_text(condition.threshold, unit)}"


def describe_scope(condition: Condition, tests: Sequence[str] | None = None) -> str:
    """ " of each host_name where service_name is api", empty without grouping and filters.

    `tests` are what has to hold, by default the filters.
    """
    each = {(): "", EVERY_LABEL: " of each series"}.get(
        condition.group_by, f" of each {' and '.join(condition.group_by)}"
    )
    where = " and ".join(condition.filters_in_words if tests is None else tests)
    return f"{each} where {where}" if where else each

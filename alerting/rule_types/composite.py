"""Several rules together: wrong only when all, any or none of them fire."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, ClassVar, Literal

from django import forms

from alerting.rule_types import fields
from alerting.rule_types.condition_field import ConditionField
from alerting.rule_types.conditions import MAX_TEXT, Condition, RuleInput, RuleType, Sibling, SourceName
from alerting.sources.raw import RawQuestion
from alerting.sources.reading import Reading
from alerting.sources.samples import EVERY_LABEL, Answer, LabelSet
from alerting.state import Operator, Sample

MAX_MEMBERS = 50

Member = int | str
Need = Literal["all", "any", "none"]
WORDS: Mapping[Need, str] = {
    "all": "All of them fire",
    "any": "Any of them fires",
    "none": "None of them fires",
}


class CompositeCondition(Condition, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`rules` are ids or names of rules of the same project; a label set is shared by what `group_by` names."""

    operator: Operator = ">="
    threshold: float = 1
    rules: tuple[Member, ...]
    need: Need = "all"


class Composite(RuleType[CompositeCondition, None]):
    """Value: 1 where enough of the rules fire, else 0. It looks at their alerts as the tick before left them."""

    name = "composite"
    label = "several rules together"
    hint = (
        "Fires when all, any or none of other rules fire: latency and errors together, or a backup rule "
        "that is quiet. Acknowledged alerts count as firing."
    )
    sources: ClassVar[tuple[SourceName, ...]] = ("rule",)
    judged_by = ("need",)
    condition_class = CompositeCondition

    def check(self, condition: CompositeCondition, source: str) -> dict[str, str]:
        errors: dict[str, str] = {}
        if not 1 <= len(condition.rules) <= MAX_MEMBERS:
            errors["rules"] = f"Name 1 to {MAX_MEMBERS} rules."
        elif len(set(condition.rules)) != len(condition.rules):
            errors["rules"] = "Names a rule twice."
        elif any(isinstance(one, str) and (not one or len(one) > MAX_TEXT) for one in condition.rules):
            errors["rules"] = "Has a name that is empty or too long."
        if condition.filters:
            errors["filters"] = "Other rules have their own."
        if (condition.operator, condition.threshold) != (">=", 1) or condition.critical_threshold is not None:
            errors["threshold"] = "Rules fire or don't: leave operator and thresholds out."
        if condition.group_by == EVERY_LABEL:
            errors["group_by"] = "Name the labels that the rules share."
        elif condition.group_by and condition.need == "none":
            errors["group_by"] = "What doesn't fire has no labels: leave this empty."
        return errors

    def check_in_project(
        self, condition: CompositeCondition, rule_id: int | None, siblings: Callable[[], Sequence[Sibling]]
    ) -> dict[str, str]:
        rules = {one.id: one for one in siblings()}
        names = {one.id: one.name for one in rules.values()}
        for member in condition.rules:
            found, problem = resolve(member, names)
            if problem:
                return {"rules": problem}
            if found == rule_id or (rule_id and rule_id in _below(found, rules, names)):
                return {"rules": f"{names[found]!r} depends on this rule itself."}
        return {}

    def describe(self, condition: CompositeCondition, source: str) -> str:
        each = f" of the same {' and '.join(condition.group_by)}" if condition.group_by else ""
        members = ", ".join(f"rule {one}" if isinstance(one, int) else one for one in condition.rules)
        verb = "fires" if condition.need == "any" else "fire"
        return f"{condition.need} of {members} {verb}{each}"

    def form_fields(self, source: str) -> dict[str, ConditionField]:
        return {
            "rules": MembersField(
                label="Rules",
                help_text="One name or id of a rule of this project per line.",
                widget=forms.Textarea(attrs={"rows": 4}),
            ),
            "group_by": fields.scope(source)["group_by"],
            "need": fields.choice("Wrong when", list(WORDS.items()), "all"),
        }

    def is_zero_without_rows(self, condition: CompositeCondition, source: str) -> bool:
        return True

    def plan(self, condition: CompositeCondition, source: str) -> None:
        return None

    def measure(
        self, plan: None, reading: Reading, inputs: Sequence[RuleInput[CompositeCondition]]
    ) -> dict[int, Answer]:
        names = reading.sources.rule_names(reading.project_id)
        resolved = {one.rule_id: [resolve(member, names) for member in one.condition.rules] for one in inputs}
        wanted = {found for pairs in resolved.values() for found, problem in pairs if not problem}
        firing = reading.sources.firing(wanted)
        answers: dict[int, Answer] = {}
        for one in inputs:
            problems = [problem for _, problem in resolved[one.rule_id] if problem]
            members = {
                names[found]: firing.get(found, set())
                for found, problem in resolved[one.rule_id]
                if not problem
            }
            answers[one.rule_id] = (
                Answer(problem=problems[0]) if problems else Answer(_samples(one.condition, members))
            )
        return answers

    def raw_questions(self, condition: CompositeCondition, source: str) -> tuple[RawQuestion, ...]:
        return ()

    def members(self, condition: CompositeCondition) -> tuple[int | str, ...]:
        return condition.rules


class MembersField(fields.TextField):
    """One rule per line, by name or by id."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else "\n".join(str(one) for one in value or ())

    def clean(self, value: Any) -> list[Member]:
        lines = [line.strip() for line in super().clean(value).splitlines()]
        return [int(line) if line.isdecimal() else line for line in lines if line]


def resolve(member: Member, names: Mapping[int, str]) -> tuple[int, str]:
    """The id of the rule that is meant, and why there is none: empty where there is one."""
    if isinstance(member, int):
        return member, "" if member in names else f"This project has no rule {member}, or it was deleted."
    found = [rule_id for rule_id, name in names.items() if name == member]
    if not found:
        return 0, f"This project has no rule {member!r}, or it was deleted or renamed."
    return found[0], "" if len(
        found
    ) == 1 else f"{len(found)} rules are called {member!r}: name one by its id."


def _below(rule_id: int, rules: Mapping[int, Sibling], names: Mapping[int, str]) -> set[int]:
    """All rules that a rule depends on, itself left out; members that can't be resolved depend on nothing."""
    seen: set[int] = set()
    waiting = [rule_id]
    while waiting:
        rule = rules.get(waiting.pop())
        if rule is None or rule.rule_type != RULE_TYPE.name:
            continue
        for member in rule.condition_config.get("rules", ()):
            found, problem = resolve(member, names)
            if not problem and found not in seen:
                seen.add(found)
                waiting.append(found)
    return seen


def _samples(condition: CompositeCondition, members: Mapping[str, Set[LabelSet]]) -> dict[LabelSet, Sample]:
    """A sample for each label set that some member fires for, and for the one of a rule without grouping."""
    firing: dict[LabelSet, list[str]] = {} if condition.group_by else {(): []}
    for name, label_sets in members.items():
        for labels in {_shared(condition, one) for one in label_sets}:
            firing.setdefault(labels, []).append(name)
    needed = {"all": len(members), "any": 1, "none": 0}[condition.need]
    return {labels: _sample(condition.need, names, needed, len(members)) for labels, names in firing.items()}


def _shared(condition: CompositeCondition, labels: LabelSet) -> LabelSet:
    return tuple((name, value) for name, value in labels if name in condition.group_by)


def _sample(need: Need, names: Sequence[str], needed: int, count: int) -> Sample:
    is_true = not names if need == "none" else len(names) >= needed
    who = ", ".join(names) or "none"
    return Sample(
        float(is_true), remark=f"{len(names)} of {count} fire: {who}" if names else f"none of {count} fire"
    )


RULE_TYPE = Composite()

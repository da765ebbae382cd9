"""The form of a rule: one question after the other, errors where they belong, no JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from django import forms
from django.db.models import QuerySet

from alerting.admin.conditions import condition_of
from alerting.admin.widgets import dress
from alerting.models import NotificationChannel, Rule, Source
from alerting.rule_types import AnyRuleType, rule_type, rule_types
from alerting.rule_types.fields import NameListField, TextField
from alerting.rules import RuleError, check_rule
from projects.models import Project


def condition_fields() -> dict[str, forms.Field]:
    """The fields of all rule types, each once; one is marked required when every type that has it requires it."""
    fields: dict[str, forms.Field] = {}
    for kind in rule_types().values():
        for name, field in kind.form_fields().items():
            known = fields.setdefault(name, field)
            known.required = known.required and field.required
    return fields


def judging_fields() -> list[str]:
    """The condition's fields that say when it is wrong, each once; all others say what to watch."""
    return list(dict.fromkeys(name for kind in rule_types().values() for name in kind.judged_by))


def watch_choices() -> list[tuple[str, str]]:
    """`<rule type>:<source>` for every pair that goes together."""
    return [
        (f"{kind.name}:{source}", f"{Source(source).label}: {kind.label}")
        for kind in rule_types().values()
        for source in kind.sources
    ]


def shown_when(name: str) -> str:
    """The browser's condition for showing a field; empty when every rule type has it."""
    having = [kind.name for kind in rule_types().values() if name in kind.form_fields()]
    if len(having) == len(rule_types()):
        return ""
    return " || ".join(f"(watch || '').startsWith('{kind}:')" for kind in having)


def default_operator(kind: AnyRuleType) -> str:
    """The operator of a condition that names none; `>` where the type wants it named."""
    (operator,) = (one for one in msgspec.structs.fields(kind.condition_class) if one.name == "operator")
    return ">" if operator.default is msgspec.NODEFAULT else str(operator.default)


def operator_switch() -> str:
    """What the browser does when another rule type is chosen: one default gives way to the other."""
    defaults = {name: default_operator(kind) for name, kind in rule_types().items()}
    known, by_type = json.dumps(sorted(set(defaults.values()))), json.dumps(defaults)
    return f"if ({known}.includes(operator)) operator = {by_type}[$event.target.value.split(':')[0]]"


class RuleForm(forms.ModelForm[Rule]):
    """Edits a rule in three steps; what nobody touches stays as it is stored, to the letter.

    `projects` are those the user may choose from.
    """

    projects: QuerySet[Project]

    watch = forms.ChoiceField(label="Watch")
    emails = NameListField(
        label="Mail addresses", required=False, help_text="Told in addition to the channels; commas between."
    )
    slack_channel = TextField(
        label="Other Slack channel",
        required=False,
        help_text="Such as #checkout; only for channels that have a bot token.",
    )

    class Meta:
        model = Rule
        fields: tuple[str, ...] = (
            "project",
            "name",
            "description",
            "severity",
            "channels",
            "evaluation_interval_seconds",
            "for_seconds",
            "keep_firing_for_seconds",
            "recovery_threshold",
            "no_data",
            "on_error",
            "evaluation_delay_seconds",
            "flap_detection",
            "enabled",
        )
        labels = {
            "evaluation_interval_seconds": "Look every (seconds)",
            "for_seconds": "Only after (seconds)",
            "keep_firing_for_seconds": "Keep firing for (seconds)",
            "recovery_threshold": "Recovers at",
            "no_data": "Without data",
            "on_error": "When it can't be evaluated",
            "evaluation_delay_seconds": "Looks back from (seconds ago)",
            "flap_detection": "Notice flapping",
        }
        help_texts = {
            "recovery_threshold": "Empty: at the threshold.",
            "no_data": "What a time without data means.",
        }
        widgets = {"channels": forms.CheckboxSelectMultiple, "description": forms.Textarea(attrs={"rows": 2})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.update(condition_fields())
        choices = watch_choices()
        self._field("watch", forms.ChoiceField).choices = choices
        for name in ("on_error", "evaluation_delay_seconds"):
            self.fields[name].required = False
        self._limit_to_projects()
        self.former_type = ""
        self.former_condition: Mapping[str, Any] = {}
        if self.instance.pk:
            self._fill(self.instance)
        else:
            self._suggest(choices[0][0])
        dress(self.fields.values())

    def _field(self, name: str, kind: type[Any]) -> Any:
        field = self.fields[name]
        assert isinstance(field, kind)
        return field

    def _limit_to_projects(self) -> None:
        channels = NotificationChannel.objects.filter(project__in=self.projects).select_related("project")
        if "project" in self.fields:
            self._field("project", forms.ModelChoiceField).queryset = self.projects
            if first := self.projects.first():
                self.initial.setdefault("project", first.pk)
        else:
            channels = channels.filter(project=self.instance.project_id)
        field = self._field("channels", forms.ModelMultipleChoiceField)
        field.queryset = channels
        if not channels.exists():
            field.help_text = (
                "There are no channels yet: make one under Channels, or name mail addresses here."
            )

    def _suggest(self, watch: str) -> None:
        self.initial.setdefault("watch", watch)
        self.initial.setdefault("operator", default_operator(rule_type(watch.partition(":")[0])))
        self.fields["watch"].widget.attrs["x-on:change"] = operator_switch()

    def _fill(self, rule: Rule) -> None:
        """Show the condition with its type's defaults; one that can't be read as far as it goes."""
        self.initial["watch"] = f"{rule.rule_type}:{rule.source_type}"
        if condition := condition_of(rule):
            self.former_type, self.former_condition = rule.rule_type, rule.condition_config
            self.initial.update(msgspec.structs.asdict(condition))
        elif isinstance(rule.condition_config, dict):
            self.initial.update(rule.condition_config)
        self.initial["emails"] = rule.notification_config.get("email", [])
        self.initial["slack_channel"] = rule.notification_config.get("slack", {}).get("channel", "")

    def clean_on_error(self) -> str:
        return self.cleaned_data["on_error"] or self.instance.on_error

    def clean_evaluation_delay_seconds(self) -> int:
        return self.cleaned_data["evaluation_delay_seconds"] or 0

    def clean_description(self) -> str:
        # Browsers send CR LF, which would be a change nobody made.
        return str(self.cleaned_data["description"]).replace("\r\n", "\n")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        type_name, _, source = cleaned.get("watch", "").partition(":")
        if type_name:
            self._forget_errors(rule_type(type_name))
        if self.errors:
            return cleaned
        project_id = cleaned["project"].pk if "project" in cleaned else self.instance.project_id
        channels = list(cleaned["channels"])
        if strangers := [channel.name for channel in channels if channel.project_id != project_id]:
            self.add_error("channels", f"{strangers[0]} is a channel of another project.")
        rule = self.instance
        rule.rule_type, rule.source_type = type_name, source
        rule.condition_config = self._condition(rule_type(type_name), cleaned)
        rule.notification_config = self._notification_config(cleaned)
        rule.recovery_threshold = cleaned.get("recovery_threshold")
        try:
            check_rule(rule, channels)
        except RuleError as error:
            self._show(error.errors)
        return cleaned

    def _forget_errors(self, kind: AnyRuleType) -> None:
        """The page doesn't show other types' fields, and what stays as stored need not fit into a field."""
        hidden = condition_fields().keys() - kind.form_fields().keys()
        for name in hidden | self._kept(kind):
            self.errors.pop(name, None)

    def _kept(self, kind: AnyRuleType) -> set[str]:
        """The keys of the condition that stay as they are stored, which may be absent."""
        if kind.name != self.former_type:
            return set()
        return kind.form_fields().keys() - set(self.changed_data)

    def _condition(self, kind: AnyRuleType, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        """The keys that this rule type has: as stored where their fields were not touched, else as filled in."""
        kept = self._kept(kind)
        condition = {name: value for name, value in self.former_condition.items() if name in kept}
        for name in kind.form_fields():
            if name not in kept and cleaned.get(name) not in (None, "", [], {}):
                condition[name] = cleaned[name]
        return condition

    def _notification_config(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        entered = {
            "emails": ("email", cleaned["emails"]),
            "slack_channel": ("slack", cleaned["slack_channel"] and {"channel": cleaned["slack_channel"]}),
        }
        config: dict[str, Any] = dict(self.instance.notification_config)
        for name, (key, value) in entered.items():
            if name in self.changed_data:
                config.pop(key, None)
                config |= {key: value} if value else {}
        return config

    def _show(self, errors: Mapping[str, Any]) -> None:
        for name, problem in errors.items():
            if isinstance(problem, Mapping):
                self._show(problem)
            elif name == "notification_config":
                self.add_error("slack_channel" if problem.startswith("slack") else "emails", problem)
            else:
                self.add_error(name if name in self.fields else None, problem)

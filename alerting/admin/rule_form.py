"""The form of a rule: one question after the other, errors where they belong, no JSON."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

from django import forms
from django.db.models import QuerySet

from alerting.admin.widgets import dress
from alerting.models import NotificationChannel, Rule, Source
from alerting.rule_types import AnyRuleType, rule_type, rule_types
from alerting.rule_types.fields import NameListField
from alerting.rules import RuleError, check_rule
from projects.models import Project

WATCH = (
    "metric",
    "aggregation",
    "event_type",
    "event_name",
    "event_category",
    "group_by",
    "filters",
    "time_window_minutes",
)
"""Condition keys of the first step; all others are asked in the second."""


def condition_fields() -> dict[str, forms.Field]:
    """The fields of all rule types, each once; one is required when every type requires it."""
    forms_of_types = [kind.form_fields() for kind in rule_types().values()]
    fields: dict[str, forms.Field] = {}
    for name, field in chain.from_iterable(one.items() for one in forms_of_types):
        field.required = all(name in one and one[name].required for one in forms_of_types)
        fields.setdefault(name, field)
    return fields


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


class RuleForm(forms.ModelForm[Rule]):
    """Edits a rule in three steps. `projects` and `channels` are those the user may choose from."""

    projects: QuerySet[Project]

    watch = forms.ChoiceField(label="Watch")
    emails = NameListField(
        label="Mail addresses", required=False, help_text="Told in addition to the channels; commas between."
    )
    slack_channel = forms.CharField(
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
            "enabled",
        )
        labels = {
            "evaluation_interval_seconds": "Look every (seconds)",
            "for_seconds": "Only after (seconds)",
            "keep_firing_for_seconds": "Keep firing for (seconds)",
            "recovery_threshold": "Recovers at",
            "no_data": "Without data",
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
        self._limit_to_projects()
        dress(self.fields.values())
        if self.instance.pk:
            self._fill(self.instance)
        else:
            self.initial.setdefault("watch", choices[0][0])
            self.initial.setdefault("operator", ">")

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

    def _fill(self, rule: Rule) -> None:
        self.initial["watch"] = f"{rule.rule_type}:{rule.source_type}"
        if isinstance(rule.condition_config, dict):
            self.initial.update(rule.condition_config)
        self.initial["emails"] = rule.notification_config.get("email", [])
        self.initial["slack_channel"] = rule.notification_config.get("slack", {}).get("channel", "")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        type_name, _, source = cleaned["watch"].partition(":")
        project_id = cleaned["project"].pk if "project" in cleaned else self.instance.project_id
        channels = list(cleaned["channels"])
        if strangers := [channel.name for channel in channels if channel.project_id != project_id]:
            self.add_error("channels", f"{strangers[0]} is a channel of another project.")
        rule = self.instance
        rule.rule_type, rule.source_type = type_name, source
        rule.condition_config = self._condition(rule_type(type_name), cleaned)
        rule.notification_config = _notification_config(cleaned)
        rule.recovery_threshold = cleaned.get("recovery_threshold")
        try:
            check_rule(rule, channels)
        except RuleError as error:
            self._show(error.errors)
        return cleaned

    def _condition(self, kind: AnyRuleType, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        """The filled-in keys that this rule type has."""
        values = {name: cleaned.get(name) for name in kind.form_fields()}
        return {name: value for name, value in values.items() if value not in (None, "", [], {})}

    def _show(self, errors: Mapping[str, Any]) -> None:
        for name, problem in errors.items():
            if isinstance(problem, Mapping):
                self._show(problem)
            elif name == "notification_config":
                self.add_error("slack_channel" if problem.startswith("slack") else "emails", problem)
            else:
                self.add_error(name if name in self.fields else None, problem)


def _notification_config(cleaned: Mapping[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if cleaned.get("emails"):
        config["email"] = cleaned["emails"]
    if cleaned.get("slack_channel"):
        config["slack"] = {"channel": cleaned["slack_channel"]}
    return config

"""The form of a rule: one question after the other, errors where they belong, no JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from django import forms
from django.db.models import QuerySet
from django.utils.html import format_html

from alerting.admin.rule_form_fields import (
    condition_fields,
    defaults_of,
    hints,
    texts_by_watch,
    watch_choices,
    watches,
)
from alerting.admin.widgets import dress, offer_projects
from alerting.display.conditions import condition_of
from alerting.models import NotificationChannel, Rule
from alerting.rule_types import AnyRuleType, rule_type
from alerting.rule_types.fields import NameListField, TextField
from alerting.rules import RuleError, check_rule
from projects.models import Project


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
            "runbook_url",
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
            "runbook_url": "Runbook",
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
            "recovery_threshold": "A firing alert recovers only when the value is past this too. "
            "Empty: at the threshold.",
            "no_data": "Keep the state: a firing alert goes on firing until data clears it or somebody resolves it. "
            "Treat as fine: it resolves. Treat as wrong: it fires.",
        }
        widgets = {"channels": forms.CheckboxSelectMultiple, "description": forms.Textarea(attrs={"rows": 2})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._condition_fields = condition_fields()
        self.fields.update(self._condition_fields)
        self._offer_watches()
        for name in ("on_error", "evaluation_delay_seconds"):
            self.fields[name].required = False
        self._limit_to_projects()
        self.former_watch = ""
        self.former_condition: Mapping[str, Any] = {}
        if self.instance.pk:
            self._fill(self.instance)
        else:
            self._suggest(self.initial.get("watch") or next(iter(watches())))
        dress(self.fields.values())

    def _field(self, name: str, kind: type[Any]) -> Any:
        field = self.fields[name]
        assert isinstance(field, kind)
        return field

    def _limit_to_projects(self) -> None:
        channels = NotificationChannel.objects.filter(project__in=self.projects).select_related("project")
        if "project" in self.fields:
            offer_projects(self, self.projects)
        else:
            channels = channels.filter(project=self.instance.project_id)
            for one in self._condition_fields.values():
                one.of_project(self.instance.project_id)
        field = self._field("channels", forms.ModelMultipleChoiceField)
        field.queryset = channels
        if not channels.exists():
            field.help_text = (
                "There are no channels yet: make one under Channels, or name mail addresses here."
            )

    def _offer_watches(self) -> None:
        field = self._field("watch", forms.ChoiceField)
        field.choices = watch_choices()
        field.widget.attrs["data-hints"] = json.dumps(hints())

    def _suggest(self, watch: str) -> None:
        """Offer a new rule the defaults of this pair; the page offers others when another one is chosen."""
        for name, value in {"watch": watch, **defaults_of(watch)}.items():
            self.initial.setdefault(name, value)
        self._hint(watch)
        self.fields["watch"].widget.attrs["data-defaults"] = json.dumps(texts_by_watch())

    def _hint(self, watch: str) -> None:
        self.fields["watch"].help_text = format_html(
            '<span id="watch_hint">{}</span>', hints().get(watch, "")
        )

    def _fill(self, rule: Rule) -> None:
        """Show the condition with its type's defaults; one that can't be read as far as it goes."""
        watch = f"{rule.rule_type}:{rule.source_type}"
        self.initial["watch"] = watch
        self._hint(watch)
        stored = rule.condition_config if isinstance(rule.condition_config, dict) else {}
        read = stored
        if condition := condition_of(rule):
            self.former_watch, self.former_condition = watch, stored
            read = msgspec.structs.asdict(condition)
        for name, field in watches().get(watch, {}).items():
            self.initial[name] = field.shown(name, stored, read)
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
            self._forget_errors(rule_type(type_name), source)
        if self.errors:
            return cleaned
        project_id = cleaned["project"].pk if "project" in cleaned else self.instance.project_id
        channels = list(cleaned["channels"])
        if strangers := [channel.name for channel in channels if channel.project_id != project_id]:
            self.add_error("channels", f"{strangers[0]} is a channel of another project.")
        rule = self.instance
        rule.rule_type, rule.source_type = type_name, source
        rule.condition_config = self._condition(rule_type(type_name), source, cleaned)
        rule.notification_config = self._notification_config(cleaned)
        # What the condition is checked against; the form would set them only after this.
        for name in {"project", "severity", "enabled", "recovery_threshold"} & cleaned.keys():
            setattr(rule, name, cleaned[name])
        try:
            check_rule(rule, channels)
        except RuleError as error:
            self._show(error.errors)
        return cleaned

    def _forget_errors(self, kind: AnyRuleType, source: str) -> None:
        """The page doesn't show other types' fields, and what stays as stored need not fit into a field."""
        hidden = self._condition_fields.keys() - kind.form_fields(source).keys()
        for name in hidden | self._kept(kind, source):
            self.errors.pop(name, None)

    def _kept(self, kind: AnyRuleType, source: str) -> set[str]:
        """The fields whose keys of the condition stay as they are stored, which may be absent."""
        type_name, _, former_source = self.former_watch.partition(":")
        if kind.name != type_name:
            return set()
        shared = kind.form_fields(source).keys() & kind.form_fields(former_source).keys()
        return shared - set(self.changed_data)

    def _condition(self, kind: AnyRuleType, source: str, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        """The keys that this rule type has: as stored where their fields were not touched, else as filled in."""
        kept = self._kept(kind, source)
        condition: dict[str, Any] = {}
        for name, field in kind.form_fields(source).items():
            value = cleaned.get(name)
            if name in kept:
                stored = self.former_condition
                condition |= {key: stored[key] for key in field.keys(name) if key in stored}
            elif value not in (None, "", [], {}):
                condition |= field.filled(name, value)
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
                self.add_error(self._place_of(name), problem)

    def _place_of(self, key: str) -> str | None:
        """The field that a key of the rule or its condition is entered into."""
        asked = watches().get(self.cleaned_data.get("watch", ""), {})
        for name, field in asked.items():
            if key in field.keys(name):
                return name
        return key if key in self.fields else None

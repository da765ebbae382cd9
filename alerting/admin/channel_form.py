"""The form of a channel: its name, and the fields of its kind."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet

from alerting.admin.policy_forms import ClockInput
from alerting.admin.widgets import dress, offer_projects
from alerting.channels import kind, places
from alerting.models import NotificationChannel, Severity
from alerting.policy.quiet_hours import quiet_errors
from projects.models import Project

QUIET_FIELDS = ("quiet_from", "quiet_until", "quiet_timezone", "quiet_severities", "max_messages_per_minute")


class ChannelForm(forms.ModelForm[NotificationChannel]):
    """Subclasses name the `kind_name` and the `projects` a user may choose from."""

    kind_name: str
    projects: QuerySet[Project]

    quiet_severities = forms.MultipleChoiceField(
        label="For", choices=Severity.choices, required=False, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = NotificationChannel
        fields: tuple[str, ...] = ("project", "name", "enabled", *QUIET_FIELDS)
        labels = {
            "quiet_from": "Quiet from",
            "quiet_until": "Quiet until",
            "quiet_timezone": "On the clocks of",
            "max_messages_per_minute": "Messages a minute, at most",
        }
        help_texts = {
            "quiet_until": "What fires meanwhile and still does is told then. Over midnight this is the earlier time.",
            "quiet_timezone": "A time zone such as Europe/Berlin.",
        }
        widgets = {"quiet_from": ClockInput, "quiet_until": ClockInput}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind(self.kind_name)
        files = self.files if self.is_bound else None
        self.config_form = self.kind.form_class(
            self.data if self.is_bound else None,
            files,
            stored=self.instance.readable_config if self.instance.pk else {},
        )
        self.fields.update(self.config_form.fields)
        self.fields["quiet_timezone"].required = False
        if len(self.config_form.fields) == 1:
            # A kind's only setting can't be empty; of several the configuration says which go together.
            ((name, only),) = self.config_form.fields.items()
            only.required = not (name in self.kind.secret_fields and name in self.config_form.stored)
        for name, field in self.config_form.fields.items():
            if field.initial is not None:
                self.initial.setdefault(name, field.initial)
        offer_projects(self, self.projects)
        dress(self.fields.values())

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.config_form.is_valid():
            for name, problems in self.config_form.errors.items():
                if name not in self.errors:
                    self.add_error(name if name in self.fields else None, list(problems))
        cleaned["quiet_timezone"] = cleaned.get("quiet_timezone") or "UTC"
        times = (cleaned.get("quiet_from"), cleaned.get("quiet_until"))
        for name, problem in quiet_errors(*times, cleaned["quiet_timezone"]).items():
            self.add_error(name, problem)
        project_id = cleaned["project"].pk if cleaned.get("project") else self.instance.project_id
        twins = NotificationChannel.objects.filter(project=project_id, name=cleaned.get("name"))
        if twins.exclude(pk=self.instance.pk).exists():
            self.add_error("name", "This project has a channel of this name.")
        return cleaned

    def apply(self, channel: NotificationChannel) -> None:
        """Put kind and configuration into the row; whoever corrects a channel gives it another chance."""
        channel.kind = self.kind_name
        if not channel.pk or self.config_form.config != self.instance.readable_config:
            places.configure(channel, self.kind, self.config_form.config)
        channel.give_another_chance()

"""Forms of what decides who is told: matchers one a line, the user's projects, their channels."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Model, QuerySet
from unfold.widgets import UnfoldAdminTextInputWidget

from alerting.admin.widgets import dress, offer_projects
from alerting.models import InhibitionRule, NotificationChannel, NotificationPolicy
from alerting.policy.matchers import MatcherError, parse_all
from alerting.rule_types.fields import NameListField, TextField
from projects.models import Project

MATCHERS_HELP = (
    'One a line, all must match: severity="critical", rule=~"Disk.*", host_name!="web-9". '
    "Besides labels there are rule, severity and project. =~ and !~ take regular expressions over the whole value."
)


class MatchersField(TextField):
    """One matcher a line, as a list of texts."""

    widget = forms.Textarea

    def __init__(self, *, label: str, help_text: str = MATCHERS_HELP, required: bool = True) -> None:
        widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})
        super().__init__(label=label, help_text=help_text, required=required, widget=widget)

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else "\n".join(value or ())

    def clean(self, value: Any) -> list[str]:
        lines = [line for line in super().clean(value).splitlines() if line.strip()]
        try:
            return [str(matcher) for matcher in parse_all(lines)]
        except MatcherError as error:
            raise forms.ValidationError(str(error)) from None


class MomentInput(UnfoldAdminTextInputWidget):
    """Date and time in the browser's own picker."""

    input_type = "datetime-local"

    def format_value(self, value: Any) -> Any:
        return f"{value:%Y-%m-%dT%H:%M}" if isinstance(value, datetime) else value


class MomentField(forms.DateTimeField):
    """A moment far enough from the ends of the calendar for any time zone and anything added to it."""

    widget = MomentInput

    def __init__(self, *, label: str, help_text: str, required: bool = True) -> None:
        bounds = [
            MinValueValidator(datetime(1970, 1, 1, tzinfo=UTC), "Must not lie before 1970."),
            MaxValueValidator(datetime(9000, 1, 1, tzinfo=UTC), "Must not lie after 9000-01-01."),
        ]
        super().__init__(label=label, help_text=help_text, required=required, validators=bounds)


def unless_unchanged(entered: datetime, stored: datetime | None) -> datetime:
    """The stored moment where `entered` is what the picker made of it: it shows and returns whole minutes."""
    is_unchanged = stored is not None and entered == stored.replace(second=0, microsecond=0)
    return stored if stored and is_unchanged else entered


class ClockInput(UnfoldAdminTextInputWidget):
    """A time of day in the browser's own picker."""

    input_type = "time"


class ProjectSettingForm(forms.ModelForm[Any]):
    """A setting of one project. Subclasses name the `projects` a user may choose from; a saved one stays in its own."""

    projects: QuerySet[Project]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        channels = NotificationChannel.objects.filter(project__in=self.projects)
        if self.instance.pk:
            self.fields.pop("project", None)
            channels = channels.filter(project=self.instance.project_id)
        else:
            offer_projects(self, self.projects)
        offered = self.fields.get("channels")
        if isinstance(offered, forms.ModelMultipleChoiceField):
            offered.queryset = channels
            offered.required = False
            if not channels.exists():
                offered.help_text = "There are no channels yet: make one under Channels."
        dress(self.fields.values())

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        project_id = cleaned["project"].pk if cleaned.get("project") else self.instance.project_id
        if any(channel.project_id != project_id for channel in cleaned.get("channels") or ()):
            self.add_error("channels", "Choose channels of the same project.")
        if "name" in cleaned and self._has_unique_names and self._is_taken(project_id, cleaned["name"]):
            self.add_error("name", "This project has one of this name.")
        return cleaned

    @property
    def _has_unique_names(self) -> bool:
        return any("name" in str(one) for one in self._meta.model._meta.total_unique_constraints)

    def _is_taken(self, project_id: int | None, name: str) -> bool:
        model: type[Model] = self._meta.model
        others = model._default_manager.filter(project=project_id, name=name).exclude(pk=self.instance.pk)
        return others.exists()


class PolicyForm(ProjectSettingForm):
    matchers = MatchersField(
        label="Alerts that match", required=False, help_text=f"Empty: every alert. {MATCHERS_HELP}"
    )
    group_by = NameListField(
        label="One message for each",
        required=False,
        help_text="Labels with commas between, such as rule, service_name. Empty: all together. "
        "... alone: every alert by itself.",
    )

    class Meta:
        model = NotificationPolicy
        fields = (
            "project",
            "name",
            "position",
            "enabled",
            "matchers",
            "channels",
            "group_by",
            "group_wait_seconds",
            "group_interval_seconds",
            "repeat_interval_seconds",
        )
        labels = {
            "group_wait_seconds": "First message after (seconds)",
            "group_interval_seconds": "Next messages after (seconds)",
            "repeat_interval_seconds": "Tell again after (seconds)",
            "channels": "Also tell",
        }
        help_texts = {"channels": "Besides the channels that each rule names."}
        widgets = {"channels": forms.CheckboxSelectMultiple}


class InhibitionRuleForm(ProjectSettingForm):
    source_matchers = MatchersField(label="While one fires that matches")
    target_matchers = MatchersField(label="Keep quiet those that match")
    equal_labels = NameListField(
        label="With equal",
        required=False,
        help_text="Labels with commas between, such as host_name. Empty: whatever their labels.",
    )

    class Meta:
        model = InhibitionRule
        fields = ("project", "name", "enabled", "source_matchers", "target_matchers", "equal_labels")

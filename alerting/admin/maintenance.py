from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from alerting.admin.policies import SettingAdmin
from alerting.admin.policy_forms import (
    MATCHERS_HELP,
    MatchersField,
    MomentField,
    ProjectSettingForm,
    unless_unchanged,
)
from alerting.display.badges import badge
from alerting.models import MaintenanceWindow
from alerting.policy.maintenance import coming, occurrence_now, window_errors
from projects import figures
from projects.pages.zones import zone_name

WEEKDAYS = [
    ("MO", "Monday"),
    ("TU", "Tuesday"),
    ("WE", "Wednesday"),
    ("TH", "Thursday"),
    ("FR", "Friday"),
    ("SA", "Saturday"),
    ("SU", "Sunday"),
]
ONCE, DAILY, WEEKLY, MONTHLY, OTHER = "", "FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY", "other"
REPEATS = [
    (ONCE, "Once"),
    (DAILY, "Every day"),
    (WEEKLY, "Every week"),
    (MONTHLY, "Every month, on that day"),
    (OTHER, "By a recurrence rule"),
]


class WallClockField(MomentField):
    """What a clock on the wall shows, whose zone another field names: written down as if that were UTC."""

    def to_python(self, value: Any) -> datetime | None:
        with timezone.override(UTC):
            return super().to_python(value)


class MaintenanceWindowForm(ProjectSettingForm):
    """When it first begins is a time on the wall clock of its time zone, and shown as one."""

    matchers = MatchersField(
        label="Alerts that match", required=False, help_text=f"Empty: every alert. {MATCHERS_HELP}"
    )
    starts_at = WallClockField(label="First start", help_text="On the clocks of the time zone below.")
    repeats = forms.ChoiceField(label="Repeats", choices=REPEATS, required=False)
    weekdays = forms.MultipleChoiceField(
        label="On", choices=WEEKDAYS, required=False, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = MaintenanceWindow
        fields = (
            "project",
            "name",
            "enabled",
            "matchers",
            "starts_at",
            "duration_minutes",
            "time_zone",
            "repeats",
            "weekdays",
            "recurrence",
            "channels",
            "comment",
        )
        labels = {"duration_minutes": "Lasts (minutes)", "recurrence": "Recurrence rule", "channels": "Tell"}
        help_texts = {"recurrence": "RFC 5545, such as FREQ=MONTHLY;BYDAY=1SU (the first Sunday)."}
        widgets = {
            "channels": forms.CheckboxSelectMultiple,
            "comment": forms.Textarea(attrs={"rows": 2}),
            "recurrence": forms.TextInput(attrs={"size": 60}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].widget.attrs["list"] = "time-zones"
        if self.instance.pk:
            self.initial["starts_at"] = _on_its_clock(self.instance)
            self.initial["repeats"], self.initial["weekdays"] = as_choice(self.instance.recurrence)
        else:
            here = timezone.localtime()
            self.initial.setdefault("starts_at", here.replace(second=0, microsecond=0, tzinfo=None))
            self.initial.setdefault("time_zone", zone_name(timezone.get_current_timezone()))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        named = cleaned.get("time_zone")
        if named not in available_timezones():
            self.add_error("time_zone", f"There is no time zone {named!r}; one is Europe/Berlin.")
        elif isinstance(cleaned.get("starts_at"), datetime):
            local = cleaned["starts_at"].astimezone(UTC).replace(tzinfo=ZoneInfo(named))
            stored = self.instance.starts_at if self.instance.pk else None
            cleaned["starts_at"] = unless_unchanged(local.astimezone(UTC), stored)
        cleaned["recurrence"] = as_rule(
            cleaned.get("repeats", ""), cleaned.get("weekdays") or [], cleaned.get("recurrence", "")
        )
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django's own hook, which the stubs leave out
        if not self.errors:
            for name, problem in window_errors(self.instance).items():
                self.add_error(name, problem)


def _on_its_clock(window: MaintenanceWindow) -> datetime:
    try:
        return window.starts_at.astimezone(ZoneInfo(window.time_zone)).replace(tzinfo=None)
    except OverflowError:  # the API takes moments for which that clock has no year
        return window.starts_at.replace(tzinfo=None)


def as_rule(repeats: str, weekdays: list[str], rule: str) -> str:
    """The recurrence rule of what was chosen."""
    if repeats == OTHER:
        return rule.strip()
    return f"{WEEKLY};BYDAY={','.join(weekdays)}" if repeats == WEEKLY and weekdays else repeats


def as_choice(rule: str) -> tuple[str, list[str]]:
    """What would have been chosen for a rule, and its weekdays."""
    if rule in {ONCE, DAILY, WEEKLY, MONTHLY}:
        return rule, []
    if found := re.fullmatch(rf"{WEEKLY};BYDAY=((?:[A-Z]{{2}},?)+)", rule):
        return WEEKLY, found[1].split(",")
    return OTHER, []


@admin.register(MaintenanceWindow)
class MaintenanceWindowAdmin(SettingAdmin):
    """Windows with what runs and what comes next."""

    setting_form = MaintenanceWindowForm
    empty_words = (
        "When alerts keep quiet because somebody works on something, once or again and again. None yet."
    )
    list_display = ("name", "project", "now", "next_start", "state")
    list_filter = (("project", admin.RelatedOnlyFieldListFilter), "enabled")
    change_form_outer_before_template = "alerting/window_page.html"
    conditional_fields = {
        "weekdays": f"repeats == '{WEEKLY}'",
        "recurrence": f"repeats == '{OTHER}'",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[MaintenanceWindow]:
        return super().get_queryset(request).prefetch_related("channels")

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        window = self.get_object(request, object_id) if object_id else None
        shown = {"coming": coming(window, timezone.now()), "zone": window.time_zone} if window else None
        zones = sorted(available_timezones())
        context = {**(extra_context or {}), "window_page": shown, "time_zones": zones}
        response: HttpResponse = super().changeform_view(request, object_id, form_url, context)
        return response

    @admin.display(description="now")
    def now(self, window: MaintenanceWindow) -> SafeString:
        running = occurrence_now(window, timezone.now())
        if running:
            return badge("info", "construction", f"until {timezone.localtime(running.end):%Y-%m-%d %H:%M}")
        return badge("quiet", "schedule", "not running")

    @admin.display(description="next start")
    def next_start(self, window: MaintenanceWindow) -> str:
        now = timezone.now()
        starts = [one.start for one in coming(window, now) if one.start > now]
        return f"{timezone.localtime(starts[0]):%Y-%m-%d %H:%M}" if starts else figures.NOTHING

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from alerting.admin.policy_forms import (
    MatchersField,
    MomentField,
    ProjectSettingForm,
    unless_unchanged,
)
from alerting.admin.posted import posted_id, posted_text
from alerting.display.badges import badge, reason_text
from alerting.models import Silence
from alerting.policy import silences
from alerting.policy.suggestions import suggested
from projects.admin_base import ProjectModelAdmin
from projects.pages.zones import zone_name
from projects.visibility import visible_projects

MAX_TYPED = 200
"""Characters of a line, for which a suggestion is looked up."""

UNTIL = "until"
DURATIONS = [
    ("60", "1 hour"),
    ("120", "2 hours"),
    ("480", "8 hours"),
    ("1440", "1 day"),
    ("10080", "1 week"),
    (UNTIL, "Until a time"),
]
_MARKS = {"active": ("info", "notifications_off"), "pending": ("quiet", "schedule")}


class SilenceForm(ProjectSettingForm):
    """Which alerts, how long, and why. Times are by the reader's clock."""

    matchers = MatchersField(label="Alerts that match")
    starts_at = MomentField(label="From", required=False, help_text="")
    lasts = forms.ChoiceField(label="For", choices=DURATIONS, initial="120")
    ends_at = MomentField(label="Until", required=False, help_text="")
    comment = forms.CharField(
        label="Why",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="What is going on and who knows more, such as: database upgrade, ask Ada.",
    )

    class Meta:
        model = Silence
        fields = ("project", "matchers", "starts_at", "lasts", "ends_at", "comment")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zone = zone_name(timezone.get_current_timezone())
        self.fields["starts_at"].help_text = f"Time in {zone}. Empty: from now on."
        self.fields["ends_at"].help_text = f"Time in {zone}."
        if self.instance.pk:
            self.initial["lasts"] = UNTIL
        else:
            # The model's default is this moment, which an empty field says better.
            self.initial["starts_at"] = None

    def clean_starts_at(self) -> datetime | None:
        return self._as_stored("starts_at")

    def clean_ends_at(self) -> datetime | None:
        return self._as_stored("ends_at")

    def _as_stored(self, name: str) -> datetime | None:
        entered: datetime | None = self.cleaned_data[name]
        stored = getattr(self.instance, name) if self.instance.pk else None
        return unless_unchanged(entered, stored) if entered else None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        start = cleaned.get("starts_at") or timezone.now()
        if cleaned.get("lasts", UNTIL) != UNTIL:
            cleaned["ends_at"] = start + timedelta(minutes=int(cleaned["lasts"]))
        cleaned["starts_at"] = start
        if not cleaned.get("ends_at"):
            if "ends_at" not in self.errors:
                self.add_error("ends_at", "Say until when.")
        elif cleaned["ends_at"] <= max(start, timezone.now()):
            self.add_error("ends_at", "Must lie after the start, and in the future.")
        if "matchers" in cleaned:
            try:
                silences.check_matchers(cleaned["matchers"])
            except silences.SilenceError as error:
                self.add_error("matchers", error.errors["matchers"])
        return cleaned


class StateFilter(admin.SimpleListFilter):
    """All, until something else is chosen."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("active", "Active"), ("pending", "Pending"), ("expired", "Expired")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Silence]) -> QuerySet[Silence]:
        chosen = self.value()
        return queryset.filter(silences.in_state(chosen, timezone.now())) if chosen else queryset


@admin.register(Silence)
class SilenceAdmin(ProjectModelAdmin):
    """Silences are made, changed and expired, never deleted: who was not woken, by whom and why, stays readable."""

    empty_words = (
        "Which alerts wake nobody for a while, by whom and why. Nothing is silenced in this project."
    )
    list_display = ("what", "project", "state", "starts_at", "ends_at", "author", "why")
    list_filter = (("project", admin.RelatedOnlyFieldListFilter), StateFilter)
    list_filter_submit = False
    list_select_related = ("project",)
    search_fields = ("matchers", "comment", "author")
    actions = ("expire_selected",)
    change_form_outer_after_template = "alerting/silence_preview_box.html"
    conditional_fields = {"ends_at": f"lasts == '{UNTIL}'"}

    class Media:
        css = {"all": ("alerting/alerting.css",)}
        js = ("alerting/silence_preview.js",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.preview_view))
        return [path("preview/", view, name="alerting_silence_preview"), *super().get_urls()]

    def get_form(
        self, request: HttpRequest, obj: Silence | None = None, change: bool = False, **kwargs: Any
    ) -> type[SilenceForm]:
        return type("UsersSilenceForm", (SilenceForm,), {"projects": visible_projects(request.user)})

    def get_fields(self, request: HttpRequest, obj: Silence | None = None) -> list[str]:
        return [name for name in SilenceForm.Meta.fields if name != "project" or obj is None]

    def save_model(self, request: HttpRequest, obj: Silence, form: Any, change: bool) -> None:
        given = form.cleaned_data
        values = {name: given[name] for name in ("matchers", "starts_at", "ends_at", "comment")}
        values |= {"author": request.user.get_username(), "now": timezone.now()}
        if not change:
            saved = silences.create(project_id=obj.project_id, **values)
        else:
            try:
                saved = silences.edit(obj, **values)
            except silences.SilenceError as error:
                messages.error(request, str(error))
                return
            if saved.pk != obj.pk:
                messages.info(
                    request, "It means other alerts now, so the former silence expired and a new one holds."
                )
        # The page goes on with the silence that holds now.
        obj.__dict__.update(saved.__dict__)

    def response_change(self, request: HttpRequest, obj: Silence) -> HttpResponse:
        """After a replacement the page of the silence that holds, not that of the expired one."""
        response: HttpResponse = super().response_change(request, obj)
        holding = reverse("admin:alerting_silence_change", args=[obj.pk])
        return response if request.path == holding else HttpResponseRedirect(holding)

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """What the matchers that are being typed would hide, and how they could go on, as a piece of the page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        project = visible_projects(request.user).filter(pk=posted_id(request, "project")).first()
        lines = [line for line in request.POST.get("matchers", "").splitlines() if line.strip()]
        context: dict[str, Any] = {"problem": "" if lines else "Enter a matcher to see what it hides."}
        if project:
            typed = posted_text(request, "typed", MAX_TYPED)
            context["suggestions"] = suggested(project, typed, lines, timezone.now())
        if project and lines:
            try:
                matchers = silences.check_matchers(lines)
            except silences.SilenceError as error:
                context["problem"] = str(error)
            else:
                context["preview"] = silences.preview(matchers, project, timezone.now())
        return TemplateResponse(request, "alerting/silence_preview.html", context)

    @admin.action(description="Expire the selected silences", permissions=["change"])
    def expire_selected(self, request: HttpRequest, queryset: QuerySet[Silence]) -> None:
        now, count = timezone.now(), 0
        for silence in queryset:
            count += silences.state_of(silence, now) != "expired"
            silences.expire(silence, now)
        messages.success(request, f"Expired: {count}.")

    @admin.display(description="alerts that match")
    def what(self, silence: Silence) -> SafeString:
        return format_html_join("", "<div>{}</div>", ((matcher,) for matcher in silence.matchers))

    @admin.display(description="state")
    def state(self, silence: Silence) -> SafeString:
        state = silences.state_of(silence, timezone.now())
        return badge(*_MARKS.get(state, ("quiet", "history")), state)

    @admin.display(description="why")
    def why(self, silence: Silence) -> SafeString:
        return reason_text(silence.comment)

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from projects.admin_base import ProjectModelAdmin
from projects.keys import create_key, revoke_key
from projects.models import ApiKey, Project, RetentionPolicy, Scope


@admin.register(Project)
class ProjectAdmin(ProjectModelAdmin):
    project_path = "pk"
    list_display = ("name", "slug", "created_at")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    autocomplete_fields = ("members",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        queryset: QuerySet[Any] = super(ProjectModelAdmin, self).get_queryset(request)
        return queryset if request.user.is_superuser else queryset.filter(members=request.user.pk)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deleting a project would orphan its telemetry; shorten its retention and revoke its keys instead."""
        return False


class ApiKeyForm(forms.ModelForm[ApiKey]):
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        initial=[Scope.INGEST],
        help_text="A key that only sends telemetry needs the first one.",
    )

    class Meta:
        model = ApiKey
        fields = ("project", "name", "scopes", "rate_limit_per_second")


@admin.register(ApiKey)
class ApiKeyAdmin(ProjectModelAdmin):
    """Keys are made by the platform, shown once, and revoked; their text is nowhere stored."""

    form = ApiKeyForm
    list_display = (
        "name",
        "project",
        "prefix",
        "scope_names",
        "rate_limit_per_second",
        "created_at",
        "state",
    )
    list_filter = (("project", admin.RelatedOnlyFieldListFilter),)
    search_fields = ("name", "prefix")
    list_select_related = ("project",)
    actions = ("revoke",)

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        return ("project", "prefix", "created_at", "revoked_at") if obj else ()

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        row, text = create_key(
            obj.project, obj.name, obj.scopes, rate_limit_per_second=obj.rate_limit_per_second
        )
        obj.pk = row.pk
        obj.prefix = row.prefix
        messages.warning(request, f"The key is {text} - copy it now, it can't be shown again.")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Revoking keeps the record of who could send."""
        return False

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset.filter(revoked_at=None):
            revoke_key(key)
        messages.success(request, "Revoked. Other processes stop accepting the keys within 30 seconds.")

    @admin.display(description="scopes")
    def scope_names(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(description="state")
    def state(self, key: ApiKey) -> str:
        return f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "active"


@admin.register(RetentionPolicy)
class RetentionPolicyAdmin(ProjectModelAdmin):
    list_display = (
        "project",
        "events_days",
        "metrics_days",
        "business_days",
        "traces_days",
        "rollup_minutes_days",
        "rollup_hours_days",
        "rollup_days_days",
        "alerts_days",
        "audit_days",
    )
    fieldsets = (
        (None, {"fields": ("project",)}),
        (
            "Raw data",
            {
                "fields": (("events_days", "metrics_days"), ("business_days", "traces_days")),
                "description": "Every single record as it was sent. Older ones are deleted, "
                "and what is sent with an older time is refused.",
            },
        ),
        (
            "Roll-ups",
            {
                "fields": ("rollup_minutes_days", "rollup_hours_days", "rollup_days_days"),
                "description": "Counts, sums and percentiles of the raw data per minute, hour and day. They take a "
                "fraction of its space, so charts can look further back than records are kept. A roll-up "
                "is never deleted before the raw data it was made from, whatever is entered here.",
            },
        ),
        ("Alerts and changes", {"fields": (("alerts_days", "audit_days"),)}),
    )
    list_select_related = ("project",)
    search_fields = ("project__name",)
    empty_words = (
        "Every project keeps the defaults: events 90 days, metric points and business metrics 180, spans 30, "
        "roll-ups and resolved alerts one year. Add a policy to keep a project's data for another time."
    )

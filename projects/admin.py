from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from projects.admin_base import ProjectModelAdmin
from projects.forms import ApiKeyForm
from projects.keys import fit_to_kind, forget, revoke_key, save_new
from projects.models import ApiKey, KeyKind, Project, RetentionPolicy
from projects.visibility import visible_projects


@admin.register(Project)
class ProjectAdmin(ProjectModelAdmin):
    project_path = "pk"
    list_display = ("name", "slug", "created_at")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    autocomplete_fields = ("members",)
    change_form_outer_before_template = "projects/project_links.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        queryset: QuerySet[Any] = super(ProjectModelAdmin, self).get_queryset(request)
        return queryset if request.user.is_superuser else queryset.filter(members=request.user.pk)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deleting a project would orphan its telemetry; shorten its retention and revoke its keys instead."""
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(ProjectModelAdmin):
    """Keys are made by the platform, shown once, and revoked; their text is nowhere stored."""

    form = ApiKeyForm
    fields = (*ApiKeyForm.Meta.fields, "prefix", "created_at", "revoked_at")
    # Shown for the kind that is chosen.
    conditional_fields = {
        "scopes": f"kind == '{KeyKind.SERVER}'",
        "rate_limit_per_second": f"kind == '{KeyKind.SERVER}'",
        "record_limit_per_second": f"kind == '{KeyKind.BROWSER}'",
        "allowed_origins": f"kind == '{KeyKind.BROWSER}'",
        "allowed_event_names": f"kind == '{KeyKind.BROWSER}'",
    }
    list_display = (
        "name",
        "project",
        "prefix",
        "key_kind",
        "scope_names",
        "limit",
        "created_at",
        "state",
    )
    list_filter = (("project", admin.RelatedOnlyFieldListFilter), "kind")
    search_fields = ("name", "prefix")
    list_select_related = ("project",)
    actions = ("revoke",)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A user with one project need not choose it."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        projects = visible_projects(request.user)[:2]
        return {"project": projects[0].pk, **initial} if len(projects) == 1 else initial

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        return ("project", "prefix", "created_at", "revoked_at") if obj else ()

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        return self.fields if obj else ApiKeyForm.Meta.fields

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            fit_to_kind(obj)
            super().save_model(request, obj, form, change)
            forget(obj)
            return
        text = save_new(obj)
        messages.warning(request, f"The key is {text} - copy it now, it can't be shown again.")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Revoking keeps the record of who could send."""
        return False

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset.filter(revoked_at=None):
            revoke_key(key)
        messages.success(request, "Revoked. Other processes stop accepting the keys within 30 seconds.")

    @admin.display(description="kind", ordering="kind")
    def key_kind(self, key: ApiKey) -> str:
        return key.kind

    @admin.display(description="limit")
    def limit(self, key: ApiKey) -> str:
        if key.kind == KeyKind.BROWSER:
            return f"{key.record_limit_per_second} records/s"
        return f"{key.rate_limit_per_second} requests/s" if key.rate_limit_per_second else "none"

    @admin.display(description="scopes")
    def scope_names(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(description="state")
    def state(self, key: ApiKey) -> str:
        return f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "active"


@admin.register(RetentionPolicy)
class RetentionPolicyAdmin(ProjectModelAdmin):
    empty_value_display = "for ever"
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
                "and what is sent with an older time is refused. Empty keeps for ever.",
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

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from alerting.admin.badges import badge, severity_badge
from alerting.admin.rule_form import WATCH, RuleForm, condition_fields, shown_when
from alerting.models import OPEN_STATUSES, Health, Rule
from alerting.rule_types import ConditionError, rule_types
from alerting.rules import RuleError, delete_rules, save_rule
from projects import figures
from projects.admin_base import ProjectModelAdmin, visible_projects


def sentence(rule: Rule) -> str:
    """The condition in plain words; what is wrong with it where it can't be read."""
    kind = rule_types().get(rule.rule_type)
    if kind is None:
        return f"unknown rule type {rule.rule_type}"
    try:
        return kind.describe(kind.parse(rule.condition_config, rule.source_type), rule.source_type)
    except ConditionError as error:
        return f"can't be used: {error}"


@admin.register(Rule)
class RuleAdmin(ProjectModelAdmin):
    """Rules with their condition in plain words; the form asks what to watch, when it is wrong, who is told."""

    list_display = ("name", "condition", "severity_mark", "state", "open_alerts", "evaluated")
    list_filter = (("project", admin.RelatedOnlyFieldListFilter), "severity", "enabled", "health")
    list_filter_submit = False
    search_fields = ("name", "description")
    search_help_text = "Part of a name or description"
    ordering = ("name", "id")
    actions = ("enable", "disable")

    class Media:
        css = {"all": ("alerting/alerting.css",)}

    @property
    def conditional_fields(self) -> dict[str, str]:
        """Which fields the page shows for which rule type."""
        return {name: when for name in condition_fields() if (when := shown_when(name))}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rule]:
        open_alerts = Count("alerts", filter=Q(alerts__status__in=OPEN_STATUSES))
        rules: QuerySet[Rule] = super().get_queryset(request)
        return rules.filter(deleted_at=None).annotate(open_alert_count=open_alerts)

    def get_form(
        self, request: HttpRequest, obj: Rule | None = None, change: bool = False, **kwargs: Any
    ) -> type[RuleForm]:
        """A form that offers the user's projects only; a saved rule stays in its project."""

        class UsersRuleForm(RuleForm):
            projects = visible_projects(request.user)

            class Meta(RuleForm.Meta):
                fields = RuleForm.Meta.fields[1:] if obj else RuleForm.Meta.fields

        return UsersRuleForm

    def get_fieldsets(self, request: HttpRequest, obj: Rule | None = None) -> Any:
        asked = condition_fields()
        others = [name for name in asked if name not in {*WATCH, "operator", "threshold"}]
        wrong = [
            ("operator", "threshold"),
            *others,
            ("recovery_threshold", "no_data"),
            ("for_seconds", "keep_firing_for_seconds"),
            "severity",
        ]
        first = ["name", "description", *([] if obj else ["project"]), "enabled"]
        return [
            (None, {"fields": first}),
            ("1 What to watch", {"fields": ["watch", *(name for name in WATCH if name in asked)]}),
            ("2 When it is wrong", {"fields": wrong}),
            ("3 Who is told", {"fields": ["channels", "emails", "slack_channel"]}),
            ("How often", {"fields": ["evaluation_interval_seconds"]}),
        ]

    def save_model(self, request: HttpRequest, obj: Rule, form: Any, change: bool) -> None:
        save_rule(obj, form.cleaned_data["channels"], actor=request.user.get_username(), now=timezone.now())

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """`save_rule` has done it."""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Only the rules: their alerts stay as history."""
        return [f"Rule: {rule}" for rule in objs], {"rules": len(objs)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Rule) -> None:
        delete_rules([obj], actor=request.user.get_username(), now=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        delete_rules(list(queryset), actor=request.user.get_username(), now=timezone.now())

    @admin.action(description="Enable the selected rules", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        self._set_enabled(request, queryset, enabled=True)

    @admin.action(description="Disable the selected rules and resolve their alerts", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        self._set_enabled(request, queryset, enabled=False)

    def _set_enabled(self, request: HttpRequest, queryset: QuerySet[Rule], *, enabled: bool) -> None:
        count = 0
        for rule in queryset.exclude(enabled=enabled).prefetch_related("channels"):
            rule.enabled = enabled
            channels = list(rule.channels.all())
            try:
                save_rule(rule, channels, actor=request.user.get_username(), now=timezone.now())
            except RuleError as error:
                messages.error(request, f"{rule.name} stays as it is: {error}")
            else:
                count += 1
        messages.success(request, f"{'Enabled' if enabled else 'Disabled'}: {count}.")

    @admin.display(description="condition")
    def condition(self, rule: Rule) -> str:
        return sentence(rule)

    @admin.display(description="severity", ordering="severity")
    def severity_mark(self, rule: Rule) -> SafeString:
        return severity_badge(rule.severity)

    @admin.display(description="state")
    def state(self, rule: Rule) -> SafeString:
        if not rule.enabled:
            return badge("quiet", "pause_circle", "disabled")
        if rule.health == Health.UNHEALTHY:
            unhealthy = badge("bad", "error", "unhealthy")
            return format_html('{} <span class="alert-quiet">{}</span>', unhealthy, rule.last_error)
        if rule.health == Health.UNKNOWN:
            return badge("quiet", "schedule", "not evaluated yet")
        return badge("good", "check_circle", "ok")

    @admin.display(description="open alerts")
    def open_alerts(self, rule: Any) -> str:
        return str(rule.open_alert_count) if rule.open_alert_count else figures.NOTHING

    @admin.display(description="evaluated", ordering="last_evaluated_at")
    def evaluated(self, rule: Rule) -> str:
        return (
            figures.age_html(rule.last_evaluated_at, timezone.now())
            if rule.last_evaluated_at
            else figures.NOTHING
        )

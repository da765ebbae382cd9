from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from alerting.admin.rule_form import RuleForm
from alerting.admin.rule_form_fields import condition_fields, judging_fields, shown_by_field
from alerting.admin.rule_form_prefill import prefilled
from alerting.admin.rule_preview import panel, preview
from alerting.display.badges import badge, reason_text, severity_badge
from alerting.display.conditions import condition_of, sentence
from alerting.models import OPEN_STATUSES, Health, Rule
from alerting.rules import RuleError, delete_rules, save_rule
from projects import figures
from projects.admin_base import ProjectModelAdmin
from projects.visibility import visible_projects

SELDOM_CHANGED = (
    "description",
    "slack_channel",
    "evaluation_interval_seconds",
    "evaluation_delay_seconds",
    "keep_firing_for_seconds",
    "on_error",
    "flap_detection",
)
"""Settings of a rule that most people leave as they are; the page shows them on request."""


@admin.register(Rule)
class RuleAdmin(ProjectModelAdmin):
    """Rules with their condition in plain words; the form asks what to watch, when it is wrong, who is told."""

    empty_words = "What is watched, when it is wrong and who is told. There is no rule yet."
    list_display = ("name", "condition", "severity_mark", "open_alerts", "evaluation")
    list_filter = (("project", admin.RelatedOnlyFieldListFilter), "severity", "enabled", "health")
    list_filter_submit = False
    search_fields = ("name", "description")
    search_help_text = "Part of a name or description"
    ordering = ("name", "id")
    actions = ("enable", "disable")
    change_form_template = "alerting/rule_form.html"
    change_form_outer_before_template = "alerting/rule_state.html"
    # Labels above their fields: the preview stands beside them.
    compressed_fields = False

    class Media:
        css = {"all": ("alerting/alerting.css", "alerting/rule_form.css", "alerting/rule_preview.css")}
        js = ("alerting/rule_form.js", "alerting/rule_preview.js")

    @property
    def conditional_fields(self) -> dict[str, str]:
        """Which fields the page shows for which rule type."""
        return shown_by_field()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rule]:
        open_alerts = Count("alerts", filter=Q(alerts__status__in=OPEN_STATUSES))
        rules: QuerySet[Rule] = super().get_queryset(request)
        return rules.filter(deleted_at=None).annotate(open_alert_count=open_alerts)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.preview_view))
        new = path("preview/", view, name="alerting_rule_preview_new")
        stored = path("<int:rule_id>/preview/", view, name="alerting_rule_preview")
        return [new, stored, *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        url = reverse("admin:alerting_rule_preview_new")
        context = {**(extra_context or {}), "rule_preview": panel(url, timezone.now())}
        response: HttpResponse = super().add_view(request, form_url, context)
        return response

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        rule = self.get_object(request, object_id)
        context = {**(extra_context or {}), "rule_page": self._page(rule) if rule else None}
        if rule and self.has_change_permission(request, rule):
            url = reverse("admin:alerting_rule_preview", args=[rule.pk])
            context["rule_preview"] = panel(url, timezone.now())
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    def preview_view(self, request: HttpRequest, rule_id: int | None = None) -> HttpResponse:
        """What the form's rule, saved or not, would have done."""
        rule = self.get_object(request, str(rule_id)) if rule_id else None
        if rule_id and rule is None:
            raise Http404
        if not (self.has_change_permission(request, rule) if rule else self.has_add_permission(request)):
            raise PermissionDenied
        return preview(request, self.get_form(request, rule, change=bool(rule)), rule, timezone.now())

    def _page(self, rule: Any) -> dict[str, Any]:
        return {
            "rule": rule,
            "badge": self._badge(rule),
            "reason": _trouble(rule),
            "condition": sentence(rule) if condition_of(rule) else "",
            "evaluated": self._evaluated(rule),
            "took": figures.duration(rule.last_evaluation_duration_ms),
            "alerts_url": _open_alerts_url(rule),
        }

    def get_form(
        self, request: HttpRequest, obj: Rule | None = None, change: bool = False, **kwargs: Any
    ) -> type[RuleForm]:
        """A form that offers the user's projects only; a saved rule stays in its project."""

        class UsersRuleForm(RuleForm):
            projects = visible_projects(request.user)

            class Meta(RuleForm.Meta):
                fields = RuleForm.Meta.fields[1:] if obj else RuleForm.Meta.fields

        return UsersRuleForm

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What a link such as an explorer's "Make a rule" brings along; `project` is an id or a slug."""
        offered = {**RuleForm.base_fields, **condition_fields()}
        found = prefilled(request.GET.dict(), offered)
        if named := request.GET.get("project", ""):
            projects = visible_projects(request.user).values_list("pk", "slug")
            chosen = next((pk for pk, slug in projects if named in {str(pk), slug}), None)
            found |= {"project": chosen} if chosen else {}
        return found

    def get_fieldsets(self, request: HttpRequest, obj: Rule | None = None) -> Any:
        judging = judging_fields()
        narrowing = ("common_events", "filters")
        watched = [name for name in condition_fields() if name not in {*judging, *narrowing}]
        limits = ("operator", "threshold", "critical_threshold", "recovery_threshold")
        wrong = [
            *limits,
            *(name for name in judging if name not in limits),
            "for_seconds",
            "no_data",
            "severity",
        ]
        return [
            (None, {"fields": ["name", *([] if obj else ["project"]), "enabled"]}),
            # What narrows last: it takes a whole line, the others stand two in one.
            ("1 What to watch", {"fields": ["watch", *watched, *narrowing]}),
            ("2 When it is wrong", {"fields": wrong}),
            ("3 Who is told", {"fields": ["channels", "emails", "runbook_url"]}),
            ("Seldom changed", {"fields": SELDOM_CHANGED, "classes": ["collapse"]}),
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
        for rule in queryset.exclude(enabled=enabled):
            rule.enabled = enabled
            try:
                save_rule(
                    rule, None, actor=request.user.get_username(), now=timezone.now(), edited=("enabled",)
                )
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

    @admin.display(description="evaluation", ordering="last_evaluated_at")
    def evaluation(self, rule: Rule) -> SafeString:
        """Whether it can be evaluated, which says nothing of what it found."""
        trouble, evaluated = _trouble(rule), self._evaluated(rule)
        shown = format_html('<span class="rule-evaluation">{} {}</span>', self._badge(rule), evaluated)
        return format_html("{} {}", shown, reason_text(trouble)) if trouble else shown

    def _badge(self, rule: Rule) -> SafeString:
        if not rule.enabled:
            return badge("quiet", "pause_circle", "disabled")
        if rule.health == Health.UNHEALTHY:
            return badge("bad", "error", "unhealthy")
        if rule.health == Health.UNKNOWN:
            return badge("quiet", "schedule", "not evaluated yet")
        return badge(
            "good",
            "check_circle",
            "healthy",
            "Evaluated without trouble; what it found is under open alerts.",
        )

    @admin.display(description="open alerts")
    def open_alerts(self, rule: Any) -> SafeString | str:
        if not rule.open_alert_count:
            return figures.NOTHING
        count = badge(rule.severity, "notifications_active", f"{rule.open_alert_count} open")
        return format_html('<a href="{}">{}</a>', _open_alerts_url(rule), count)

    def _evaluated(self, rule: Rule) -> str:
        return (
            figures.age_html(rule.last_evaluated_at, timezone.now())
            if rule.last_evaluated_at
            else figures.NOTHING
        )


def _open_alerts_url(rule: Rule) -> str:
    return f"{reverse('admin:alerting_alert_changelist')}?project={rule.project_id}&rule__id__exact={rule.pk}"


def _trouble(rule: Rule) -> str:
    """Why the rule can't be evaluated; empty where it can, and where nobody wants it to be."""
    return rule.last_error if rule.enabled and rule.health == Health.UNHEALTHY else ""

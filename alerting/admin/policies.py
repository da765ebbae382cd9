from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from alerting.admin.policy_forms import InhibitionRuleForm, PolicyForm, ProjectSettingForm
from alerting.display.badges import badge, reason_text
from alerting.models import InhibitionRule, NotificationPolicy
from alerting.policy.muting import look_again
from alerting.policy.words import inhibition_words, policy_words
from projects.admin_base import ProjectModelAdmin
from projects.visibility import visible_projects


class SettingAdmin(ProjectModelAdmin):
    """A setting that decides who is told; changing it looks again at what is muted."""

    setting_form: ClassVar[type[ProjectSettingForm]]
    list_select_related: Any = ("project",)
    list_filter_submit = False
    search_fields = ("name",)

    class Media:
        css = {"all": ("alerting/alerting.css",)}

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[ProjectSettingForm]:
        # Django reads the attribute when it asks for the form's fields.
        projects = visible_projects(request.user)
        return type("UsersForm", (self.setting_form,), {"projects": projects})

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        fields = list(self.setting_form._meta.fields or ())
        own = [name for name in self.setting_form.declared_fields if name not in fields]
        return [name for name in (*fields, *own) if name != "project" or obj is None]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        look_again(obj.project_id, timezone.now())

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        look_again(obj.project_id, timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        project_ids = set(queryset.order_by().values_list("project", flat=True))
        super().delete_queryset(request, queryset)
        for project_id in project_ids:
            look_again(project_id, timezone.now())

    @admin.display(description="state")
    def state(self, setting: Any) -> SafeString:
        if setting.enabled:
            return badge("good", "check_circle", "enabled")
        return badge("quiet", "pause_circle", "disabled")


@admin.register(NotificationPolicy)
class NotificationPolicyAdmin(SettingAdmin):
    """Policies in the order in which they are tried, each with what it does in plain words."""

    setting_form = PolicyForm
    empty_words = (
        "Who else hears of which alerts, together with what, and how often again. There is no policy: each alert is "
        "told at once, by itself, to its rule's channels, and again every 4 hours until somebody acts."
    )
    list_display = ("name", "project", "position", "does", "state")
    list_filter = (("project", admin.RelatedOnlyFieldListFilter), "enabled")
    ordering = ("project", "position", "id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[NotificationPolicy]:
        return super().get_queryset(request).prefetch_related("channels")

    @admin.display(description="what it does")
    def does(self, policy: NotificationPolicy) -> SafeString:
        return reason_text(policy_words(policy, [channel.name for channel in policy.channels.all()]))


@admin.register(InhibitionRule)
class InhibitionRuleAdmin(SettingAdmin):
    """One message for the root cause: which alerts stay quiet while another fires."""

    setting_form = InhibitionRuleForm
    empty_words = (
        "Which alerts stay quiet while another fires, such as all of a host while the host itself is down. There is "
        "no such rule yet."
    )
    list_display = ("name", "project", "does", "state")
    list_filter = (("project", admin.RelatedOnlyFieldListFilter), "enabled")

    @admin.display(description="what it does")
    def does(self, rule: InhibitionRule) -> SafeString:
        return reason_text(inhibition_words(rule))

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from alerting.admin.channel_form import QUIET_FIELDS, ChannelForm
from alerting.admin.channel_preview import preview
from alerting.admin.channel_state import NO_MAIL_SERVER, channel_state, lacks_mail_server
from alerting.channels import channel_kinds, incoming, places
from alerting.delivery import send_test
from alerting.display.badges import badge, reason_text
from alerting.models import NotificationChannel, NotificationStatus
from alerting.policy.muting import look_again
from projects import figures
from projects.admin_base import ProjectModelAdmin
from projects.visibility import visible_projects

WRITTEN = {
    "project",
    "name",
    "kind",
    "enabled",
    "config_encrypted",
    "broken_at",
    "broken_reason",
    "paused_until",
    *QUIET_FIELDS,
}

# Everywhere else it is a channel; only here Django would spell out the class.
NotificationChannel._meta.verbose_name = "channel"
NotificationChannel._meta.verbose_name_plural = "channels"


@admin.register(NotificationChannel)
class NotificationChannelAdmin(ProjectModelAdmin):
    """Channels with their state; the form depends on the kind, which is chosen first."""

    empty_words = (
        "Where notifications go: Slack, mail and others. There is no channel yet, so rules tell nobody."
    )
    list_display = ("name", "kind_title", "project", "state", "last_sent", "reason")
    list_filter = (("project", admin.RelatedOnlyFieldListFilter), "kind", "enabled")
    list_select_related = ("project",)
    search_fields = ("name",)
    actions = ("send_test_messages",)
    change_form_outer_before_template = "alerting/channel_state.html"
    change_form_outer_after_template = "alerting/channel_preview.html"

    class Media:
        css = {"all": ("alerting/alerting.css",)}
        js = ("alerting/channel_preview.js",)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.test_view))
        test = path("<int:channel_id>/test/", view, name="alerting_notificationchannel_test")
        preview_view = self.admin_site.admin_view(require_POST(self.preview_view))
        preview = path("preview/<str:kind_name>/", preview_view, name="alerting_notificationchannel_preview")
        return [test, preview, *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if request.GET.get("kind") not in channel_kinds():
            return self._choose_kind(request)
        context = {**(extra_context or {}), **_preview_context(request.GET["kind"])}
        response: HttpResponse = super().add_view(request, form_url, context)
        return response

    def _choose_kind(self, request: HttpRequest) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Add a channel",
            "kinds": sorted(channel_kinds().values(), key=lambda kind: kind.title),
            "media": self.media,
        }
        return TemplateResponse(request, "alerting/channel_kinds.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        channel = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if channel:
            context |= {"channel_page": self._page(channel), **_preview_context(channel.kind)}
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    def _page(self, channel: NotificationChannel) -> dict[str, Any]:
        state = channel_state(channel, timezone.now())
        return {
            "channel": channel,
            "badge": self.state(channel),
            "reason": state.reason,
            "last_error": channel.last_error if channel.last_error != state.reason else "",
            "incoming_url": incoming.address(channel),
        }

    def get_form(
        self,
        request: HttpRequest,
        obj: NotificationChannel | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> type[ChannelForm]:
        class UsersChannelForm(ChannelForm):
            kind_name = obj.kind if obj else request.GET["kind"]
            projects = visible_projects(request.user)

            class Meta(ChannelForm.Meta):
                fields = ChannelForm.Meta.fields[1:] if obj else ChannelForm.Meta.fields

        return UsersChannelForm

    def get_fieldsets(self, request: HttpRequest, obj: NotificationChannel | None = None) -> Any:
        kind = channel_kinds()[obj.kind if obj else request.GET["kind"]]
        first = ["name", "enabled"] if obj else ["project", "name", "enabled"]
        description = NO_MAIL_SERVER if lacks_mail_server(kind.name) else ""
        fields = {"fields": list(kind.form_class.config_fields()), "description": description}
        rows = [
            ("quiet_from", "quiet_until"),
            "quiet_timezone",
            "quiet_severities",
            "max_messages_per_minute",
        ]
        return [(None, {"fields": first}), (kind.title, fields), ("When it keeps quiet", {"fields": rows})]

    def save_model(self, request: HttpRequest, obj: NotificationChannel, form: Any, change: bool) -> None:
        form.apply(obj)
        # Only what the form owns: deliveries under way write the other columns.
        obj.save(update_fields=WRITTEN if change else None)
        look_again(obj.project_id, timezone.now())
        if closed := places.closed_place(form.kind, form.config_form.config):
            messages.warning(request, closed)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """The channels, each with the rules that lose it; notifications stay as history."""
        shown: list[Any] = []
        for channel in objs:
            rules = channel.rules.filter(deleted_at=None)
            shown += [
                f"Channel: {channel}",
                [f"Rule {rule} no longer tells anybody there" for rule in rules],
            ]
        return [one for one in shown if one], {"channels": len(objs)}, set(), []

    def test_view(self, request: HttpRequest, channel_id: int) -> HttpResponse:
        channel = self.get_queryset(request).filter(pk=channel_id).first()
        if channel is None:
            raise Http404
        if not self.has_change_permission(request, channel):
            raise PermissionDenied
        self._send_test(request, channel)
        return HttpResponseRedirect(reverse("admin:alerting_notificationchannel_change", args=[channel_id]))

    @admin.action(description="Send a test message", permissions=["change"])
    def send_test_messages(self, request: HttpRequest, queryset: QuerySet[NotificationChannel]) -> None:
        for channel in queryset:
            self._send_test(request, channel)

    def preview_view(self, request: HttpRequest, kind_name: str) -> HttpResponse:
        if not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise PermissionDenied
        return preview(request, kind_name)

    def _send_test(self, request: HttpRequest, channel: NotificationChannel) -> None:
        sent = send_test(channel, timezone.now())
        failed = [one for one in sent if one.status != NotificationStatus.SENT]
        for one in failed:
            messages.error(request, f"{channel.name}: {one.error or one.get_status_display()}")
        if sent and not failed:
            messages.success(request, f"{channel.name}: the test message was delivered.")

    @admin.display(description="kind", ordering="kind")
    def kind_title(self, channel: NotificationChannel) -> str:
        known = channel_kinds().get(channel.kind)
        return known.title if known else channel.kind

    @admin.display(description="state")
    def state(self, channel: NotificationChannel) -> SafeString:
        state = channel_state(channel, timezone.now())
        return badge(state.kind, state.icon, state.word)

    @admin.display(description="why")
    def reason(self, channel: NotificationChannel) -> SafeString | str:
        reason = channel_state(channel, timezone.now()).reason
        return reason_text(reason) if reason else figures.NOTHING

    @admin.display(description="last delivered", ordering="last_sent_at")
    def last_sent(self, channel: NotificationChannel) -> str:
        return (
            figures.age_html(channel.last_sent_at, timezone.now())
            if channel.last_sent_at
            else figures.NOTHING
        )


def _preview_context(kind_name: str) -> dict[str, Any]:
    if channel_kinds()[kind_name].preview is None:
        return {}
    return {"channel_preview_url": reverse("admin:alerting_notificationchannel_preview", args=[kind_name])}

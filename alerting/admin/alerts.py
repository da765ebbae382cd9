from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET, require_POST

from alerting import actions
from alerting.admin.alert_page.view import AlertPage
from alerting.admin.posted import posted_id, posted_text
from alerting.admin.why_page import why_page
from alerting.display.alerts import comparison, lasted, number_text, units_of_alerts
from alerting.display.badges import badge, labels_text, severity_badge, status_badge
from alerting.inbox import deeds
from alerting.models import OPEN_STATUSES, Alert, Silence, Status
from alerting.policy import silences
from alerting.policy.muting import silenced_ids
from projects import figures
from projects.admin_base import KeysetChangeList, ProjectFilter, ReadOnlyTelemetryAdmin
from projects.pages.zones import zone_name, zone_of

MAX_NOTE = 2000

MOST_SILENCED = 200
"""Of alerts that one silence is made for: what they share is its matchers."""


class StatusFilter(admin.SimpleListFilter):
    """Open alerts, until something else is chosen."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [
            ("open", "Open"),
            *((str(value), str(label)) for value, label in Status.choices),
            ("all", "All"),
        ]

    def value(self) -> str:
        return super().value() or "open"

    def choices(self, changelist: Any) -> Any:
        return list(super().choices(changelist))[1:]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        if self.value() == "all":
            return queryset
        chosen = OPEN_STATUSES if self.value() == "open" else [self.value()]
        return queryset.filter(status__in=chosen)


class AlertChangeList(KeysetChangeList):
    """Marks what is silenced, and finds the units of the numbers: once for the whole page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        silenced = silenced_ids(self.result_list, timezone.now())
        for alert, unit in zip(self.result_list, units_of_alerts(self.result_list), strict=True):
            alert.is_silenced = alert.pk in silenced
            alert.unit = unit


@admin.register(Alert)
class AlertAdmin(ReadOnlyTelemetryAdmin):
    """All alerts, and the page of each. Nothing is edited: each change is an action that writes its transition."""

    empty_words = "What your rules find wrong, while it lasts. Nothing is wrong in this project now."
    keyset = ("pending_since", "id")
    list_display = (
        "severity_mark",
        "rule_name",
        "what",
        "value_text",
        "status_mark",
        "age",
        "owner",
        "answer",
    )
    list_display_links = ("rule_name",)
    list_filter = (ProjectFilter, StatusFilter, "severity", ("rule", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("assigned_to", "rule", "project")
    search_fields = ("rule_name", "labels")
    search_help_text = "Part of a rule's name or of a label"
    actions: Any = ("acknowledge_selected", "resolve_selected", "silence_selected")
    posts: ClassVar[tuple[str, ...]] = (
        "acknowledge",
        "resolve",
        "assign",
        "note",
        "silence",
        "unsilence",
    )

    class Media:
        css = {"all": ("alerting/alerting.css",)}

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Who may change alerts: acknowledge, resolve, assign, write notes."""
        return bool(request.user.has_perm("alerting.change_alert"))

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<uuid:alert_id>/{name}/",
                self.admin_site.admin_view(require_POST(getattr(self, f"{name}_view"))),
                name=f"alerting_alert_{name}",
            )
            for name in self.posts
        ]
        why = path(
            "<uuid:alert_id>/why/",
            self.admin_site.admin_view(require_GET(self.why_view)),
            name="alerting_alert_why",
        )
        return [*own, why, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponseBase:
        """A page of its own: nothing of an alert is a form field."""
        try:
            alert_id = UUID(object_id)
        except ValueError:
            raise Http404 from None
        return AlertPage.as_view()(request, alert_id=alert_id)

    def why_view(self, request: HttpRequest, alert_id: UUID) -> HttpResponse:
        """The chain from the samples that led to the alert to everybody who was told of it, or was not."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        alert = self._alert(request, alert_id)
        zone = zone_of(request)
        with timezone.override(zone):
            context = {
                **self.admin_site.each_context(request),
                "title": f"Why: {alert.rule_name}",
                "opts": self.opts,
                "why": why_page(alert, timezone.now()),
                "zone": zone_name(zone),
            }
            # Rendered here: afterwards the reader's time zone is no longer in force.
            return TemplateResponse(request, "alerting/why.html", context).render()

    def acknowledge_view(self, request: HttpRequest, alert_id: UUID) -> HttpResponse:
        return self._act(request, alert_id, "Acknowledged", actions.acknowledge, note=_text(request, "note"))

    def resolve_view(self, request: HttpRequest, alert_id: UUID) -> HttpResponse:
        return self._act(request, alert_id, "Resolved", actions.resolve, note=_text(request, "note"))

    def assign_view(self, request: HttpRequest, alert_id: UUID) -> HttpResponse:
        name = _text(request, "assignee")
        return self._act(request, alert_id, "Owner changed", actions.assign, assignee_username=name)

    def note_view(self, request: HttpRequest, alert_id: UUID) -> HttpResponse:
        note = _text(request, "note")
        if not note:
            messages.error(request, "The note was empty, so nothing was written.")
            return _back(request)
        return self._act(request, alert_id, "Note written", actions.add_note, note=note)

    def silence_view(self, request: HttpRequest, alert_id: UUID) -> HttpResponse:
        """Keep it quiet for as long as the button says."""
        if not self.has_silence_permission(request):
            raise PermissionDenied
        alert, now, actor = self._alert(request, alert_id), timezone.now(), request.user.get_username()
        try:
            lasts = deeds.silence_until(
                _text(request, "lasts"), _text(request, "until"), now, zone_of(request)
            )
            done = deeds.silence([alert], lasts, comment=_text(request, "comment"), actor=actor, now=now)
        except deeds.CanNot as error:
            messages.warning(request, str(error))
        else:
            messages.success(request, done.text)
        return _back(request)

    def unsilence_view(self, request: HttpRequest, alert_id: UUID) -> HttpResponse:
        """End the silence that the page names, for all that it keeps quiet."""
        if not request.user.has_perm("alerting.change_silence"):
            raise PermissionDenied
        alert, now = self._alert(request, alert_id), timezone.now()
        silence = Silence.objects.filter(pk=posted_id(request, "silence"), project=alert.project_id).first()
        if silence is None or silences.state_of(silence, now) == "expired":
            messages.warning(request, "That silence has ended before.")
        else:
            silences.expire(silence, now)
            messages.success(request, f"Ended the silence of {silence.author}.")
        return _back(request)

    def _alert(self, request: HttpRequest, alert_id: UUID) -> Alert:
        """Raises Http404."""
        found: Alert | None = self.get_queryset(request).select_related("project").filter(pk=alert_id).first()
        if found is None:
            raise Http404
        return found

    def _act(
        self, request: HttpRequest, alert_id: UUID, done: str, action: Callable[..., Alert], **arguments: str
    ) -> HttpResponse:
        if not self.has_act_permission(request):
            raise PermissionDenied
        if not self.get_queryset(request).filter(pk=alert_id).exists():
            raise Http404
        try:
            alert = action(alert_id, actor=request.user.get_username(), now=timezone.now(), **arguments)
        except (actions.AlreadyHandled, actions.UnknownAssignee) as error:
            messages.warning(request, str(error))
        except Alert.DoesNotExist:
            # Pending alerts vanish when their condition clears.
            raise Http404 from None
        else:
            messages.success(request, f"{done}: {alert.rule_name}")
        return _back(request)

    @admin.action(description="Acknowledge the selected alerts", permissions=["act"])
    def acknowledge_selected(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        self._act_on_all(request, queryset, "acknowledged", actions.acknowledge)

    @admin.action(description="Resolve the selected alerts", permissions=["act"])
    def resolve_selected(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        self._act_on_all(request, queryset, "resolved", actions.resolve)

    def _act_on_all(
        self, request: HttpRequest, queryset: QuerySet[Alert], done: str, action: Callable[..., Alert]
    ) -> None:
        """One transaction per alert, so that a late one doesn't undo the others."""
        now, handled = timezone.now(), 0
        alert_ids = list(queryset.order_by().values_list("pk", flat=True))
        for alert_id in alert_ids:
            try:
                action(alert_id, actor=request.user.get_username(), now=now)
            except (actions.AlreadyHandled, Alert.DoesNotExist):
                handled += 1
        messages.success(request, f"{len(alert_ids) - handled} {done}.")
        if handled:
            messages.warning(
                request, f"{handled} had been handled before, or are only pending, and stay as they are."
            )

    @admin.action(description="Silence the selected alerts", permissions=["silence"])
    def silence_selected(self, request: HttpRequest, queryset: QuerySet[Alert]) -> HttpResponse:
        """To the form of a silence that means these alerts."""
        alerts = list(queryset[:MOST_SILENCED])
        query = urlencode(
            {"project": alerts[0].project_id, "matchers": "\n".join(silences.matchers_for(alerts))}
        )
        return HttpResponseRedirect(f"{reverse('admin:alerting_silence_add')}?{query}")

    def has_silence_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("alerting.add_silence"))

    @admin.display(description="severity")
    def severity_mark(self, alert: Alert) -> SafeString:
        return severity_badge(alert.severity)

    @admin.display(description="what")
    def what(self, alert: Alert) -> str:
        return labels_text(alert.labels) or figures.NOTHING

    @admin.display(description="value")
    def value_text(self, alert: Alert) -> SafeString:
        unit = getattr(alert, "unit", "")
        number, limit = number_text(alert, unit), comparison(alert, unit)
        text = f"{number} ({limit})" if limit else number
        return format_html('<span class="tabular-nums whitespace-nowrap">{}</span>', text)

    @admin.display(description="status")
    def status_mark(self, alert: Alert) -> SafeString:
        """The status, and whether a silence or a window keeps it quiet."""
        if getattr(alert, "is_silenced", False):
            return format_html(
                "{} {}", status_badge(alert.status), badge("quiet", "notifications_off", "silenced")
            )
        return status_badge(alert.status)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return AlertChangeList

    @admin.display(description="for")
    def age(self, alert: Alert) -> SafeString:
        since = alert.triggered_at or alert.pending_since
        return format_html(
            '<time class="whitespace-nowrap" datetime="{}" title="since {} {}">{}</time>',
            since.isoformat(),
            f"{timezone.localtime(since):%Y-%m-%d %H:%M:%S}",
            zone_name(timezone.get_current_timezone()),
            lasted(alert, timezone.now()),
        )

    @admin.display(description="owner")
    def owner(self, alert: Alert) -> str:
        return alert.assigned_to.get_username() if alert.assigned_to else "unowned"

    @admin.display(description="acknowledged")
    def answer(self, alert: Alert) -> SafeString | str:
        """A button of the list's own form, so that it carries the CSRF token; who acknowledged once that is done."""
        if alert.acknowledged_by:
            return f"by {alert.acknowledged_by}"
        if alert.status != Status.FIRING:
            return figures.NOTHING
        return format_html(
            '<button type="submit" class="plain-button" formnovalidate formaction="{}" '
            'aria-label="Acknowledge {} {}">Acknowledge</button>',
            reverse("admin:alerting_alert_acknowledge", args=[alert.pk]),
            alert.rule_name,
            labels_text(alert.labels),
        )


def _text(request: HttpRequest, name: str) -> str:
    return posted_text(request, name, MAX_NOTE)


def _back(request: HttpRequest) -> HttpResponseRedirect:
    """To the page the form was on: the list with its filters, or the alert."""
    referer = request.META.get("HTTP_REFERER", "")
    if url_has_allowed_host_and_scheme(referer, {request.get_host()}, require_https=request.is_secure()):
        return HttpResponseRedirect(referer)
    return HttpResponseRedirect(reverse("admin:alerting_alert_changelist"))

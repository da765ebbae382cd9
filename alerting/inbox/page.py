"""The inbox's page: its list, what is done with it, and the list as a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils import timezone

from alerting import actions, links
from alerting.inbox import deeds, undoing
from alerting.inbox.choice import BY_RULE, BY_SEVERITY, ROWS_AT_ONCE, TABS, Choice, Tab
from alerting.inbox.deeds import CanNot, Done
from alerting.inbox.rows import Reader, Row, find, grouped, label_names, rows_of
from alerting.models import Alert, Severity, Silence
from projects.pages.exporting import Table
from projects.pages.page import Page
from projects.pages.scope import Scope

MOST_AT_ONCE = 500
MAX_NOTE = 2_000

_WORDS = {"acknowledge": (actions.acknowledge, "Acknowledged"), "resolve": (actions.resolve, "Resolved")}

_EMPTY: dict[Tab, tuple[str, str]] = {
    "firing": ("Nothing is firing", "What your rules find wrong comes here by itself, worst first."),
    "acknowledged": ("Nothing is acknowledged", "What somebody has taken on stays here until it is over."),
    "silenced": ("Nothing is silenced", "What fires and wakes nobody stands here, with the reason."),
    "open": ("No alert is open", "What fires stands here, whether somebody has taken it on or not."),
    "pending": ("Nothing is pending", "What has been wrong for less time than its rule allows waits here."),
    "resolved": ("Nothing was resolved in this time", "Choose a longer time range to look further back."),
}


@dataclass(frozen=True, slots=True)
class TabLink:
    name: Tab
    label: str
    count: str
    url: str
    is_current: bool


class InboxPage(Page):
    """Alerts of one project by state, live; `POST` to the same URL does something with those selected."""

    title = "Alert inbox"
    template = "alerting/inbox.html"
    permission = "alerting.view_alert"
    default_range = "7d"
    panels = {"list": "alerting/inbox_refresh.html", "assignees": "alerting/assignees.html"}
    http_method_names = ["get", "head", "post"]

    def context(self, scope: Scope) -> dict[str, Any]:
        user = scope.request.user
        return {
            "severities": Severity.choices,
            "durations": [(key, words) for key, (words, _) in deeds.DURATIONS.items()],
            "may_act": user.has_perm("alerting.change_alert"),
            "may_silence": user.has_perm("alerting.add_silence"),
            **self.panel_list(scope),
        }

    def panel_list(self, scope: Scope) -> dict[str, Any]:
        """The tabs with their numbers, and the rows of the one that is shown."""
        assert scope.project is not None  # a page without one shows nothing
        choice = Choice.of(scope.filters)
        user = scope.request.user
        reader = Reader(user.pk or 0, user.get_username())
        found = find(scope.project, choice, reader, scope.range, scope.now)
        alerts = found.by_tab[choice.tab]
        rows = rows_of(alerts[: choice.row_count], found.mutes, scope.now)
        title, text = _EMPTY[choice.tab]
        return {
            "choice": choice,
            "has_range": choice.tab == "resolved",
            "tabs": [
                TabLink(tab, tab, found.count_text(tab), scope.here(state=tab, rows=None), tab == choice.tab)
                for tab in TABS
            ],
            "groups": grouped(rows, choice.group_by),
            "group_names": _group_names(alerts, choice),
            "left_out": len(alerts) - len(rows),
            "more_url": scope.here(rows=choice.row_count + ROWS_AT_ONCE),
            "all_url": scope.here(q=None, severity=None, mine=None, rows=None),
            "is_cut": found.is_cut,
            "empty_title": "Nothing passes these filters" if choice.is_filtered else title,
            "empty_text": "" if choice.is_filtered else text,
            "may_act": user.has_perm("alerting.change_alert"),
        }

    def panel_assignees(self, scope: Scope) -> dict[str, Any]:
        """Who may own an alert of the project; asked for by itself, as the menu is seldom opened."""
        assert scope.project is not None  # a panel without one is a 404
        users = get_user_model().objects.filter(
            Q(projects=scope.project) | Q(is_superuser=True), is_active=True
        )
        return {"assignees": users.distinct().order_by("username").values_list("username", flat=True)}

    def table(self, scope: Scope) -> Table:
        shown = self.panel_list(scope)
        rows = [row for group in shown["groups"] for row in group.rows]
        return Table(f"alerts-{shown['choice'].tab}", _COLUMNS, _exported(rows))

    def post(self, request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        """Do what the button says with the alerts selected; the answer is the list as it is then."""
        if not request.user.has_perm(self.permission):
            raise PermissionDenied
        scope = self.scope(request)
        with timezone.override(scope.zone):
            try:
                done, problem = _do(scope), ""
            except CanNot as error:
                done, problem = Done(""), str(error)
            if not request.headers.get("HX-Request"):
                messages.add_message(
                    request, messages.WARNING if problem else messages.SUCCESS, problem or done.text
                )
                return HttpResponseRedirect(request.get_full_path())
            said = {
                "text": problem or done.text,
                "is_problem": bool(problem),
                "undo": done.undo.sign(request.user.pk or 0) if done.undo else "",
            }
            shown = {"scope": scope, "said": said, **self.panel_list(scope)}
            return HttpResponse(render_to_string("alerting/inbox_done.html", shown, request))


def _group_names(alerts: Sequence[Alert], choice: Choice) -> list[tuple[str, str]]:
    """What the list can be grouped by: the one chosen is among them, also where no alert has it now."""
    names = dict.fromkeys(label_names(alerts))
    if choice.group_by not in {"", BY_RULE, BY_SEVERITY}:
        names[choice.group_by] = None
    return [(BY_RULE, "rule"), (BY_SEVERITY, "severity"), *((name, name) for name in names)]


def _do(scope: Scope) -> Done:
    """Raises CanNot, PermissionDenied, and Http404 for alerts that the user doesn't see."""
    request = scope.request
    actor = request.user.get_username()
    verb, _, argument = request.POST.get("do", "").partition(":")
    wanted = "alerting.add_silence" if verb == "silence" else "alerting.change_alert"
    if verb == "undo":
        return _take_back(scope, argument)
    if not request.user.has_perm(wanted):
        raise PermissionDenied
    alerts = _alerts(scope, [argument] if verb in _WORDS and argument else None)
    if verb in _WORDS:
        act, done = _WORDS[verb]
        return deeds.act_on(alerts, act, done, actor=actor, now=scope.now)
    if verb == "assign":
        return deeds.assign(alerts, _text(request, "assignee"), actor=actor, now=scope.now)
    if verb == "silence":
        lasts = deeds.silence_until(argument, _text(request, "until"), scope.now, scope.zone)
        comment = _text(request, "comment")
        return deeds.silence(alerts, lasts, comment=comment, actor=actor, now=scope.now)
    raise CanNot("The inbox doesn't know what to do: reload the page.")


def _alerts(scope: Scope, ids: Sequence[str] | None) -> list[Alert]:
    """Those selected, else the one that the cursor is on. What has cleared meanwhile is left out."""
    given = scope.request.POST
    texts = ids or given.getlist("alert") or [one for one in [given.get("current", "")] if one]
    if not texts:
        raise CanNot("Nothing is selected: tick alerts, or move to one with j and k.")
    if len(texts) > MOST_AT_ONCE:
        raise CanNot(f"Select at most {MOST_AT_ONCE} alerts at once: nothing was done.")
    try:
        wanted = {UUID(text) for text in texts}
    except ValueError:
        raise Http404 from None
    found = list(_visible(scope).filter(pk__in=wanted))
    if missing := wanted - {alert.pk for alert in found}:
        if Alert.objects.filter(pk__in=missing).exists():
            raise Http404
        if not found:
            raise CanNot("That alert is gone: it was only pending and has cleared.")
    return found


def _visible(scope: Scope) -> QuerySet[Alert]:
    mine = [project.pk for project in scope.projects]
    return Alert.objects.filter(project__in=mine).select_related("project", "assigned_to")


def _take_back(scope: Scope, token: str) -> Done:
    user = scope.request.user
    assert not isinstance(user, AnonymousUser)  # the page asks for a login
    undo = undoing.read(token, user.pk)
    if undo is None:
        raise CanNot("This can't be taken back any more: that is possible for one hour.")
    if undo.owners_before and not user.has_perm("alerting.change_alert"):
        raise PermissionDenied
    # The token, signed for who did it, names what was made or lengthened by them.
    silences = Silence.objects.filter(
        pk__in=[*undo.silence_ids, *undo.ends_before], project__in=[project.pk for project in scope.projects]
    )
    alerts = list(_visible(scope).filter(pk__in=undo.owners_before or ()))
    return deeds.take_back(undo, alerts, silences, actor=user.get_username(), now=scope.now)


def _text(request: HttpRequest, name: str) -> str:
    return request.POST.get(name, "").replace("\0", "").strip()[:MAX_NOTE]


_COLUMNS = (
    "id", "severity", "status", "rule", "labels", "value", "threshold", "pending_since", "triggered_at",
    "acknowledged_at", "acknowledged_by", "owner", "resolved_at", "quiet_because", "url",
)  # fmt: skip


def _exported(rows: Sequence[Row]) -> Iterator[list[Any]]:
    for row in rows:
        alert = row.alert
        yield [
            str(alert.pk), alert.severity, alert.status, alert.rule_name, alert.labels, _finite(alert.value),
            _finite(alert.threshold), alert.pending_since, alert.triggered_at, alert.acknowledged_at,
            alert.acknowledged_by, row.owner, alert.resolved_at, row.mute.reason if row.mute else "",
            links.alert_url(alert.pk),
        ]  # fmt: skip


def _finite(value: float | None) -> float | str | None:
    """JSON can't write infinities and NaN as numbers."""
    return value if value is None or value - value == 0 else str(value)

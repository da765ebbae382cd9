"""A page that people look around with: the whole of it, one of its panels, or its table as a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from projects.pages.exporting import Table, as_file
from projects.pages.scope import Scope, scope_of
from projects.pages.time_range import DAYS_AGO, DEFAULT, PRESETS
from projects.pages.zones import zone_name
from projects.time_limits import TooCostly, answered_within

PATIENCE_SECONDS = 10
"""How long one panel may take; people don't wait longer, and the server has others to serve."""

STOP_POLLING = 286
"""By it htmx ends a panel's refreshes."""


T = TypeVar("T")


class Problem(ValueError):
    """What was asked for can't be shown; the text says why and what to do, in plain words."""


@method_decorator(never_cache, name="dispatch")
class Page(View):
    """Subclasses name their parts and answer for each; `admin.site.admin_view(... .as_view())` serves them.

    The page comes at once; each panel is asked for by itself (`?panel=`), so that a slow one holds up nothing.
    Raise Problem in `context` or a panel where something can't be shown.
    """

    title: ClassVar[str]
    template: ClassVar[str]
    permission: ClassVar[str]
    """Empty: for everybody who may log in."""
    default_range: ClassVar[str] = DEFAULT
    has_range: ClassVar[bool] = True
    needs_project: ClassVar[bool] = True
    """False: the page is about something else, and looks the same whichever project was chosen last."""
    panels: ClassVar[Mapping[str, str]] = {}
    """Template of each panel; the method `panel_<name>(scope)` gives its context.

    `is_last` in it ends the panel's refreshes: nothing will change any more.
    """

    http_method_names = ["get", "head"]

    def context(self, scope: Scope) -> dict[str, Any]:
        """What the template shows at first: cheap, a few queries that indexes answer."""
        return {}

    def table(self, scope: Scope) -> Table:
        """What the page's table shows, for `?export=csv` and `?export=json`."""
        raise Http404

    def scope(self, request: HttpRequest) -> Scope:
        """Whose telemetry, of when. A page about one thing takes that thing's project and time. Raises Http404."""
        scope = scope_of(request, self.default_range)
        if request.GET.get("project") and scope.project is None:
            raise Http404
        return scope

    def get(self, request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        if self.permission and not request.user.has_perm(self.permission):
            raise PermissionDenied
        scope = self.scope(request)
        with timezone.override(scope.zone):
            if panel := request.GET.get("panel"):
                return self._panel(scope, panel)
            if export := request.GET.get("export"):
                return self._export(scope, export)
            return self._whole(scope)

    def _whole(self, scope: Scope) -> HttpResponse:
        shown: dict[str, Any] = {
            **admin.site.each_context(scope.request),
            "title": self.title,
            "scope": scope,
            "problem": scope.problem,
            "zone": zone_name(scope.zone),
            "presets": [(name, words) for name, (words, _) in (*PRESETS.items(), *DAYS_AGO.items())],
            "has_range": self.has_range,
            "needs_project": self.needs_project,
        }
        if scope.project or not self.needs_project:
            try:
                shown |= patiently(lambda: self.context(scope))
            except Problem as problem:
                shown["problem"] = str(problem)
        # Rendered here: afterwards the reader's time zone is no longer in force.
        return HttpResponse(render_to_string(self.template, shown, scope.request))

    def _panel(self, scope: Scope, name: str) -> HttpResponse:
        if name not in self.panels or (self.needs_project and scope.project is None):
            raise Http404
        status = 200

        def panel() -> tuple[str, dict[str, Any]]:
            shown = getattr(self, f"panel_{name}")(scope)
            return render_to_string(self.panels[name], {"scope": scope, **shown}, scope.request), shown

        try:
            html, shown = patiently(panel)
            status = STOP_POLLING if shown.get("is_last") else status
        except Problem as problem:
            html = render_to_string("pages/problem.html", {"problem": problem}, scope.request)
        return HttpResponse(html, status=status)

    def _export(self, scope: Scope, name: str) -> HttpResponseBase:
        if self.needs_project and scope.project is None:
            raise Http404

        def table() -> Table:
            found = self.table(scope)
            # Read whole, while the time limit holds: tables of pages have some thousand rows.
            return replace(found, rows=list(found.rows))

        try:
            return as_file(patiently(table), name, scope.now)
        except Problem as problem:
            return HttpResponse(str(problem), status=400, content_type="text/plain; charset=utf-8")


def patiently(answer: Callable[[], T]) -> T:
    """What `answer` gives, within the time that people wait. Raises Problem."""
    try:
        with answered_within(PATIENCE_SECONDS):
            return answer()
    except TooCostly as error:
        raise Problem(str(error)) from None

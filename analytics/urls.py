"""Routes below `/api/v1/`, each with and without a trailing slash."""

from __future__ import annotations

from django.urls import URLPattern, re_path
from rest_framework.views import APIView

from analytics.experiments.urls import ROUTES as EXPERIMENTS
from analytics.funnels.api import FunnelPeopleView, FunnelView
from analytics.funnels.saved_api import SavedFunnelsView, SavedFunnelView
from analytics.journeys.urls import ROUTES as JOURNEYS
from analytics.sessions.api import SessionsView
from analytics.usage.urls import ROUTES as USAGE

_ROUTES: list[tuple[str, type[APIView]]] = [
    ("analytics/funnel", FunnelView),
    ("analytics/funnel/people", FunnelPeopleView),
    ("analytics/funnels", SavedFunnelsView),
    (r"analytics/funnels/(?P<slug>[^/]+)", SavedFunnelView),
    ("analytics/sessions", SessionsView),
    *EXPERIMENTS,
    *JOURNEYS,
    *USAGE,
]


def _paths(end: str) -> list[URLPattern]:
    return [re_path(f"^{route}{end}", view.as_view()) for route, view in _ROUTES]


urlpatterns = _paths("/?$")
described = _paths("$")
"""The same once more for OpenAPI, which can't write an optional slash."""

"""Routes of journeys, below `/api/v1/`."""

from __future__ import annotations

from rest_framework.views import APIView

from analytics.journeys.api import JourneyPersonView, JourneyView, JourneyWaitingView, TtfView

ROUTES: list[tuple[str, type[APIView]]] = [
    # Ids may hold slashes.
    (r"ttf/(?P<user_id>.+?)", TtfView),
    (r"analytics/journeys/(?P<slug>[^/]+)/users/(?P<user_id>.+?)", JourneyPersonView),
    (r"analytics/journeys/(?P<slug>[^/]+)/waiting", JourneyWaitingView),
    (r"analytics/journeys/(?P<slug>[^/]+)", JourneyView),
]

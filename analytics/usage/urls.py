"""Routes of usage, below `/api/v1/`."""

from __future__ import annotations

from rest_framework.views import APIView

from analytics.usage.api import ActiveView, LifecycleView, RetentionPeopleView, RetentionView
from analytics.usage.features_api import AdoptionView, FeatureView

ROUTES: list[tuple[str, type[APIView]]] = [
    ("analytics/active", ActiveView),
    ("analytics/retention", RetentionView),
    ("analytics/retention/people", RetentionPeopleView),
    ("analytics/lifecycle", LifecycleView),
    (r"analytics/adoption/(?P<slug>[^/]+)", FeatureView),
    ("analytics/adoption", AdoptionView),
]

"""Routes of experiments, below `/api/v1/`."""

from __future__ import annotations

from rest_framework.views import APIView

from analytics.experiments.api import ExperimentsView, ExperimentView

ROUTES: list[tuple[str, type[APIView]]] = [
    ("analytics/experiments", ExperimentsView),
    (r"analytics/experiments/(?P<slug>[^/]+)", ExperimentView),
]

"""The platform's own paths, and beside them one that does nothing."""

from __future__ import annotations

from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from benchmarks.noop.views import NoopView
from telemetry_platform import urls

urlpatterns = [*urls.urlpatterns, path("noop", csrf_exempt(NoopView.as_view()))]

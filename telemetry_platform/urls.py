from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerView

from alerting.health import views as alerting_health
from ingest.how_to_send import views as how_to_send
from ingest.sources_page import views as sources_page
from telemetry_platform import api_urls, errors, health
from telemetry_platform.retention_page import views as retention_page

_open: dict[str, Any] = {
    "authentication_classes": [],
    "permission_classes": [],
    "http_method_names": ["get", "head"],
}

urlpatterns = [
    path("", include(api_urls.urlpatterns)),
    re_path(r"^health/?$", health.health),
    re_path(r"^ready/?$", health.ready),
    re_path(r"^metrics/?$", health.metrics),
    re_path(
        r"^api/schema/?$", SpectacularJSONAPIView.as_view(patterns=api_urls.described, **_open), name="schema"
    ),
    re_path(r"^api/docs/?$", SpectacularSwaggerView.as_view(url_name="schema", **_open), name="docs"),
    path("", include("alerting.acknowledge.urls")),
    path("", include("alerting.channels.urls")),
    path("admin/storage/", admin.site.admin_view(retention_page.page), name="storage"),
    path("admin/storage/purge/", admin.site.admin_view(retention_page.purge_now), name="purge_now"),
    path("admin/alerting/health/", admin.site.admin_view(alerting_health.page), name="alerting_health"),
    path("admin/sources/", admin.site.admin_view(sources_page.page), name="sources"),
    path("admin/how-to-send/", admin.site.admin_view(how_to_send.page), name="how_to_send"),
    path("admin/", admin.site.urls),
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("favicon.ico", RedirectView.as_view(url=static("telemetry_platform/favicon.svg"))),
]

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.not_found
handler500 = errors.server_error

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path, re_path, register_converter
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerView

from alerting import ttf_rules_view
from alerting.health import views as alerting_health
from alerting.inbox.page import InboxPage
from alerting.overlays.views import metric_overlays
from analytics.experiments.list_page import ExperimentsPage
from analytics.experiments.results_page import ExperimentPage
from analytics.funnels.page import FunnelPage
from analytics.funnels.saving import save as save_funnel
from analytics.journeys.page import JourneyPage, JourneysPage
from analytics.matchers.views import suggested
from analytics.people.page import PersonPage
from analytics.sessions.page import SessionsPage
from analytics.usage.page import UsagePage
from events.explorer.overlay import deploy_overlays
from events.explorer.page import EventsPage
from ingest.how_to_send import views as how_to_send
from ingest.sources_page import views as sources_page
from metrics.explorer.page import MetricsPage
from projects.pages.converters import AnyText
from telemetry_platform import api_urls, errors, health
from telemetry_platform.overview.page import Overview
from telemetry_platform.retention_page import views as retention_page
from traces.explorer.compare_page import ComparePage
from traces.explorer.search_page import TracesPage
from traces.explorer.services_page import ServicesPage
from traces.explorer.trace_page import TracePage

register_converter(AnyText, "any_text")

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
    path("admin/inbox/", admin.site.admin_view(InboxPage.as_view()), name="inbox"),
    path("admin/explore/overlays/", admin.site.admin_view(metric_overlays), name="alert_overlays"),
    path("admin/explore/deploys/", admin.site.admin_view(deploy_overlays), name="deploy_overlays"),
    path("admin/alerting/ttf-rules/", admin.site.admin_view(ttf_rules_view.add), name="add_ttf_rules"),
    path("admin/alerting/health/", admin.site.admin_view(alerting_health.page), name="alerting_health"),
    path("admin/sources/", admin.site.admin_view(sources_page.page), name="sources"),
    path("admin/how-to-send/", admin.site.admin_view(how_to_send.page), name="how_to_send"),
    # In the place of the admin's own first page: `admin:index` leads here, too.
    path("admin/", admin.site.admin_view(Overview.as_view()), name="overview"),
    path("admin/explore/events/", admin.site.admin_view(EventsPage.as_view()), name="explore_events"),
    path("admin/explore/metrics/", admin.site.admin_view(MetricsPage.as_view()), name="explore_metrics"),
    path("admin/explore/traces/", admin.site.admin_view(TracesPage.as_view()), name="explore_traces"),
    path(
        "admin/explore/traces/<any_text:trace_id>/",
        admin.site.admin_view(TracePage.as_view()),
        name="explore_trace",
    ),
    path("admin/explore/services/", admin.site.admin_view(ServicesPage.as_view()), name="explore_services"),
    path("admin/explore/funnels/", admin.site.admin_view(FunnelPage.as_view()), name="explore_funnels"),
    path("admin/explore/funnels/save/", admin.site.admin_view(save_funnel), name="save_funnel"),
    path(
        "admin/explore/experiments/",
        admin.site.admin_view(ExperimentsPage.as_view()),
        name="explore_experiments",
    ),
    path(
        "admin/explore/experiments/<slug:slug>/",
        admin.site.admin_view(ExperimentPage.as_view()),
        name="explore_experiment",
    ),
    path("admin/explore/usage/", admin.site.admin_view(UsagePage.as_view()), name="explore_usage"),
    path("admin/explore/suggestions/", admin.site.admin_view(suggested), name="matcher_suggestions"),
    path("admin/explore/sessions/", admin.site.admin_view(SessionsPage.as_view()), name="explore_sessions"),
    path(
        "admin/explore/people/<any_text:person>/",
        admin.site.admin_view(PersonPage.as_view()),
        name="explore_person",
    ),
    path("admin/explore/journeys/", admin.site.admin_view(JourneysPage.as_view()), name="explore_journeys"),
    path(
        "admin/explore/journeys/<slug:slug>/",
        admin.site.admin_view(JourneyPage.as_view()),
        name="explore_journey",
    ),
    path("admin/explore/compare/", admin.site.admin_view(ComparePage.as_view()), name="compare_traces"),
    path("admin/jobs/", include("projects.jobs.urls")),
    path("admin/", admin.site.urls),
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("favicon.ico", RedirectView.as_view(url=static("telemetry_platform/favicon.svg"))),
]

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.not_found
handler500 = errors.server_error

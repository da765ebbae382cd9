"""The admin's name and side bar: what people look for most comes first."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _list(title: str, icon: str, model: str) -> dict[str, Any]:
    """The admin's list of a model ("app.model"), for those who may see it."""
    app, name = model.split(".")
    return _page(title, icon, f"admin:{app}_{name}_changelist", f"{app}.view_{name}")


def _page(title: str, icon: str, url_name: str, permission: str = "") -> dict[str, Any]:
    """A page of our own; without a permission it is for everybody who may log in."""
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(url_name),
        "permission": lambda request: not permission or request.user.has_perm(permission),
    }


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_superuser)


_SLATE = {
    "50": "oklch(98.4% .003 247.858)",
    "100": "oklch(96.8% .007 247.896)",
    "200": "oklch(92.9% .013 255.508)",
    "300": "oklch(86.9% .022 252.894)",
    "400": "oklch(70.4% .04 256.788)",
    "500": "oklch(62% .08 257)",
    "600": "oklch(48% .09 257)",
    "700": "oklch(42% .09 257)",
    "800": "oklch(36% .08 257)",
    "900": "oklch(30% .06 257)",
    "950": "oklch(20% .04 265)",
}

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Telemetry",
    "SITE_HEADER": "Telemetry",
    "SITE_SUBHEADER": "Events, metrics, traces, alerts",
    "SITE_SYMBOL": "monitoring",
    "LOGIN": {"form": "telemetry_platform.login.LoginForm"},
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("telemetry_platform/favicon.svg"),
        }
    ],
    "STYLES": [lambda request: static("telemetry_platform/frame.css")],
    "SCRIPTS": [lambda request: static("pages/zone.js")],
    # A neutral accent: colour belongs to states.
    "COLORS": {"primary": _SLATE},
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {"items": [_page("Overview", "home", "admin:index")]},
            {
                "title": "Alerting",
                "items": [
                    _page("Inbox", "notifications_active", "inbox", "alerting.view_alert"),
                    _list("Rules", "rule", "alerting.rule"),
                    _list("Silences", "notifications_off", "alerting.silence"),
                    _list("Channels", "campaign", "alerting.notificationchannel"),
                    _page("Alerting health", "monitor_heart", "alerting_health", "alerting.view_rule"),
                ],
            },
            {
                "title": "Explore",
                "items": [
                    _page("Events", "bolt", "explore_events", "events.view_event"),
                    _page("Metrics", "show_chart", "explore_metrics", "metrics.view_metricseries"),
                    _page("Traces", "account_tree", "explore_traces", "traces.view_span"),
                    _page("Services", "hub", "explore_services", "traces.view_span"),
                ],
            },
            {
                "title": "Product",
                "items": [
                    _page("Funnels", "filter_alt", "explore_funnels", "events.view_event"),
                    _page("Usage", "groups", "explore_usage", "events.view_event"),
                    _page("Experiments", "science", "explore_experiments", "analytics.view_experiment"),
                    _page("Journeys", "conversion_path", "explore_journeys", "analytics.view_journey"),
                    _page("Sessions", "timeline", "explore_sessions", "events.view_event"),
                ],
            },
            {
                "title": "Telemetry",
                "items": [
                    _page("Sources", "input", "sources", "ingest.view_sourceminute"),
                    _page("How to send", "send", "how_to_send"),
                    _list("Business metrics", "payments", "metrics.businessmetric"),
                    _page("Exports and jobs", "download", "jobs"),
                ],
            },
            {
                "title": "Who is told",
                "separator": True,
                "collapsible": True,
                "items": [
                    _list("Notifications", "outgoing_mail", "alerting.notification"),
                    _list("Notification policies", "alt_route", "alerting.notificationpolicy"),
                    _list("Inhibition rules", "account_tree", "alerting.inhibitionrule"),
                    _list("Maintenance windows", "construction", "alerting.maintenancewindow"),
                ],
            },
            {
                "title": "Settings",
                "collapsible": True,
                "items": [
                    _list("Projects", "folder", "projects.project"),
                    _list("API keys", "key", "projects.apikey"),
                    _list("Retention policies", "auto_delete", "projects.retentionpolicy"),
                    _page("Storage and retention", "hard_drive", "storage") | {"permission": _is_superuser},
                    _list("Periodic tasks", "schedule", "django_celery_beat.periodictask"),
                    _list("Users", "person", "auth.user"),
                    _list("Groups", "group", "auth.group"),
                    _list("Audit log", "history", "auditlog.logentry"),
                    _page("API documentation", "api", "docs"),
                ],
            },
        ],
    },
}

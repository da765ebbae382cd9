"""The admin's name and side bar: what people look for most comes first."""

from __future__ import annotations

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy


def _item(title: str, icon: str, page: str) -> dict[str, Any]:
    app, model = page.split(".")
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{model}_changelist"),
        "permission": lambda request: request.user.has_perm(f"{app}.view_{model}"),
    }


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
    "DASHBOARD_CALLBACK": "telemetry_platform.home.dashboard",
    # A neutral accent: colour belongs to states.
    "COLORS": {"primary": _SLATE},
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "items": [{"title": "Overview", "icon": "home", "link": reverse_lazy("admin:index")}],
            },
            {
                "title": "Alerting",
                "items": [
                    _item("Alerts", "notifications_active", "alerting.alert"),
                    _item("Rules", "rule", "alerting.rule"),
                    _item("Silences", "notifications_off", "alerting.silence"),
                    _item("Maintenance windows", "construction", "alerting.maintenancewindow"),
                    _item("Notification policies", "alt_route", "alerting.notificationpolicy"),
                    _item("Inhibition rules", "account_tree", "alerting.inhibitionrule"),
                    _item("Channels", "campaign", "alerting.notificationchannel"),
                    _item("Notifications", "outgoing_mail", "alerting.notification"),
                    {
                        "title": "Alerting health",
                        "icon": "monitor_heart",
                        "link": reverse_lazy("alerting_health"),
                        "permission": lambda request: request.user.has_perm("alerting.view_rule"),
                    },
                ],
            },
            {
                "title": "Telemetry",
                "separator": True,
                "items": [
                    _item("Events", "bolt", "events.event"),
                    _item("Metric series", "show_chart", "metrics.metricseries"),
                    _item("Business metrics", "payments", "metrics.businessmetric"),
                    _item("Spans", "account_tree", "traces.span"),
                    {
                        "title": "Sources",
                        "icon": "input",
                        "link": reverse_lazy("sources"),
                        "permission": lambda request: request.user.has_perm("ingest.view_sourceminute"),
                    },
                    {"title": "How to send", "icon": "send", "link": reverse_lazy("how_to_send")},
                ],
            },
            {
                "title": "Settings",
                "separator": True,
                "collapsible": True,
                "items": [
                    _item("Projects", "folder", "projects.project"),
                    _item("API keys", "key", "projects.apikey"),
                    _item("Retention policies", "auto_delete", "projects.retentionpolicy"),
                    {
                        "title": "Storage and retention",
                        "icon": "hard_drive",
                        "link": reverse_lazy("storage"),
                        "permission": lambda request: request.user.is_superuser,
                    },
                    _item("Periodic tasks", "schedule", "django_celery_beat.periodictask"),
                    _item("Users", "person", "auth.user"),
                    _item("Groups", "group", "auth.group"),
                    {"title": "API documentation", "icon": "api", "link": reverse_lazy("docs")},
                    _item("Audit log", "history", "auditlog.logentry"),
                ],
            },
        ],
    },
}

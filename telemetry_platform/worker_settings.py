"""Settings of the worker. It has no pages and makes no addresses by name: that saves 15 MB in each of its processes."""

from __future__ import annotations

from telemetry_platform.settings import *  # noqa: F403 - all but what is said below
from telemetry_platform.settings import INSTALLED_APPS

ROOT_URLCONF = "telemetry_platform.no_urls"
_OF_PAGES = {
    "telemetry_platform.apps.PlatformConfig",
    "unfold",
    "django.contrib.admin",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
}
INSTALLED_APPS = [
    "telemetry_platform.apps.WorkerConfig",
    *(app for app in INSTALLED_APPS if app not in _OF_PAGES),
]

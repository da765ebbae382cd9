"""The platform's settings, with a view that does nothing beside its own."""

from __future__ import annotations

from telemetry_platform.web_settings import *  # noqa: F403 - all of them, that is the point

ROOT_URLCONF = "benchmarks.noop.urls"

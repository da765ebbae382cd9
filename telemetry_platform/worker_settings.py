"""Settings of the worker: it links to pages but serves none, and what it doesn't load saves 14 MB."""

from __future__ import annotations

from telemetry_platform.settings import *  # noqa: F403 - all but what is said below

ROOT_URLCONF = "telemetry_platform.worker_urls"

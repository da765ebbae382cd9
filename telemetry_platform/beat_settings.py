"""Settings of the beat process. It only reads its schedule and sends names: what it doesn't load saves 25 MB."""

from __future__ import annotations

from telemetry_platform.settings import *  # noqa: F403 - all but what is said below

INSTALLED_APPS = ["telemetry_platform.apps.BeatConfig", "django.contrib.contenttypes", "django_celery_beat"]
RUNS_TASKS = False

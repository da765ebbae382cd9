"""Settings of the web processes: many threads share few connections."""

from __future__ import annotations

from telemetry_platform.settings import *  # noqa: F403 - all but what is said below
from telemetry_platform.settings import DATABASES
from telemetry_platform.stores import pooled

DATABASES = {**DATABASES, "default": pooled(DATABASES["default"])}

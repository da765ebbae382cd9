"""The platform's settings on the test run's own servers."""

from __future__ import annotations

from tests import servers

# Before the import: settings read the environment when they are imported.
servers.start_once()

from telemetry_platform.settings import *  # noqa: E402, F403

# Its command `flush` is found before Django's.
INSTALLED_APPS = [*INSTALLED_APPS, "tests"]  # noqa: F405 - comes with the star

# One round is enough where no attacker is.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# A thread that outlives its test would meet a database that is gone; tests flush by hand.
SELF_TELEMETRY_FLUSHES = SOURCES_FLUSHES = False

# Each test's client loads the middleware anew: without this it would look through a thousand static files first.
WHITENOISE_AUTOREFRESH = True

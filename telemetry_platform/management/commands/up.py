"""Runs the whole platform in the foreground."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from telemetry_platform.supervisor.programs import PROJECT_FOLDER


class Command(BaseCommand):
    help = "Start servers, web, worker and beat; Ctrl-C or SIGTERM stops everything."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", help="port to listen on (PORT, 8000)")
        parser.add_argument("--host", help="address to listen on (HOST, 127.0.0.1)")

    def handle(self, *, port: str | None, host: str | None, **_: Any) -> None:
        environ = {**os.environ, "TELEMETRY_HOME": str(settings.ENV.home)}
        environ |= {name: value for name, value in (("PORT", port), ("HOST", host)) if value is not None}
        os.chdir(PROJECT_FOLDER)
        # The same process id goes on, without Django in its memory.
        os.execve(sys.executable, [sys.executable, "-m", "telemetry_platform.supervisor"], environ)

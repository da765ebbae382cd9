#!/usr/bin/env python
from __future__ import annotations

import os
import sys
from contextlib import nullcontext

# They don't read the database.
_WITHOUT_DATABASE = {"test_rules", "help", "version", "startapp", "--help", "-h", "--version"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "telemetry_platform.settings")
    from django.core.management import execute_from_command_line

    from telemetry_platform import environment
    from telemetry_platform.embedded.errors import EmbeddedServerError
    from telemetry_platform.embedded.joining import embedded_database

    try:
        if sys.argv[1:2] == ["up"]:
            # It only makes room for the supervisor: Django would load every app for that, which takes a second.
            from telemetry_platform.management.commands import up

            up.Command().run_from_argv(sys.argv)
        env = environment.load(os.environ)
        needs_server = not env.database_url and not _WITHOUT_DATABASE.intersection(sys.argv[1:] or ["help"])
        with embedded_database(env.home) if needs_server else nullcontext():
            execute_from_command_line(sys.argv)
    except (environment.EnvironmentValueError, EmbeddedServerError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()

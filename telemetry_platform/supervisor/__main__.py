from __future__ import annotations

import os
import signal
import sys

from telemetry_platform import environment
from telemetry_platform.embedded.errors import EmbeddedServerError
from telemetry_platform.supervisor import programs
from telemetry_platform.supervisor.console import StartError, fail
from telemetry_platform.supervisor.platform import Platform


def main() -> int:
    """Run until told to stop; 1 when the start fails."""
    try:
        env = environment.load(os.environ)
        os.environ.update(programs.environ_of_children(env))
        platform = Platform(env)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, platform.request_stop)
        platform.run()
    except (environment.EnvironmentValueError, EmbeddedServerError, StartError) as error:
        fail(str(error))
        return 1
    except OSError as error:
        fail(f"{error.filename or 'the operating system refuses'}: {error.strerror}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Celery's worker and beat: `python -m telemetry_platform.background worker`.

They are started without Celery's command line, whose other commands take 8 MB in each of them.
"""

from __future__ import annotations

import os
import sys

from telemetry_platform.celery import app
from telemetry_platform.connection_budget import WORKER_CHILDREN

BEAT_LOOP_SECONDS = 1


def main() -> int:
    """Run the process that the command line names until it is told to stop; its exit code."""
    # Checks are made while the database is prepared; here they would only load every page.
    os.environ["CELERY_SKIP_CHECKS"] = "true"
    return {"worker": _work, "beat": _beat}[sys.argv[1]]()


def _work() -> int:
    worker = app.Worker(
        loglevel="WARNING",
        quiet=True,
        pool_cls="prefork",
        concurrency=WORKER_CHILDREN,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


def _beat() -> int:
    scheduler = "telemetry_platform.beat:LeasedScheduler"
    app.Beat(loglevel="WARNING", quiet=True, scheduler=scheduler, max_interval=BEAT_LOOP_SECONDS).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())

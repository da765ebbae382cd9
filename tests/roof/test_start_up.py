"""What a process holds before anybody has asked for anything, and that it can load the rest when somebody does."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

WEB = "import django; django.setup(); from django.urls import get_resolver; get_resolver().url_patterns"
BACKGROUND = (
    "import os; os.environ['CELERY_SKIP_CHECKS'] = 'true'; "
    "from telemetry_platform.background import app; app.loader.init_worker(); app.finalize()"
)
WORK = f"""{BACKGROUND}
from django.template.loader import get_template
from alerting.channels import channel_kinds
from alerting.rule_types import rule_types
from projects.jobs.registry import kind_of
assert all(map(kind_of, ("export_events", "export_points", "export_spans", "purge", "rebuild_rollups")))
assert rule_types() and channel_kinds()
get_template("alerting/mail/message.txt"), get_template("alerting/mail/message.html")
"""
CELERYS_COMMAND_LINE = "celery.bin"
PAGES = ("django.contrib.admin", "unfold", "rest_framework", "drf_spectacular", "requests", "markdown")


def run(process: str, script: str) -> set[str]:
    """The modules that a process of its own holds at the script's end."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": f"telemetry_platform.{process}_settings"}
    script = f"{script}\nimport sys; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, check=True, timeout=60, stdout=subprocess.PIPE, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("process", "script", "unused"),
    [
        ("web", WEB, {"numpy", "apprise"}),
        ("worker", BACKGROUND, {"numpy", "apprise", CELERYS_COMMAND_LINE, *PAGES}),
        ("beat", f"{BACKGROUND}; import telemetry_platform.beat", {CELERYS_COMMAND_LINE, "alerting", *PAGES}),
    ],
    ids=["web", "worker", "beat"],
)
def test_no_process_holds_what_it_may_never_use(process: str, script: str, unused: set[str]) -> None:
    assert not run(process, script) & unused


def test_a_worker_loads_all_that_its_work_needs() -> None:
    assert "alerting.tasks" in run("worker", WORK)

"""What a process holds before anybody has asked for anything."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

STARTED = (
    "import sys, django; django.setup(); from django.urls import get_resolver; get_resolver().url_patterns; "
    "import telemetry_platform.tasks; sys.exit('numpy' in sys.modules)"
)


@pytest.mark.parametrize("process", ["web", "worker"])
def test_no_process_holds_numpy_before_somebody_asks_for_what_needs_it(process: str) -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": f"telemetry_platform.{process}_settings"}
    subprocess.run([sys.executable, "-c", STARTED], env=environment, check=True, timeout=60)

"""A project with the scene's telemetry."""

from __future__ import annotations

import pytest

from projects.models import Project
from tests.alerting.backtest.scene import send_all
from tests.clients import ProjectClient, client_of


@pytest.fixture
def shop(project: Project) -> ProjectClient:
    api = client_of(project)
    send_all(api)
    return api

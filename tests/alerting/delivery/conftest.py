"""Channels with real receivers behind them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings
from pytest_httpserver import HTTPServer

from alerting.models import NotificationChannel
from projects.models import Project
from tests.alerting.delivery_rows import (
    ANA,
    BOB,
    make_channel,
    make_project,
)
from tests.alerting.receivers import Mailbox, smtp_server


@pytest.fixture(autouse=True)
def outside(settings: Settings, httpserver: HTTPServer) -> None:
    settings.SLACK_API_URL = httpserver.url_for("/api")
    settings.TELEMETRY_OUTBOUND_ALLOW = ("127.0.0.1",)
    settings.PUBLIC_URL = "https://telemetry.example"


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def slack(project: Project, httpserver: HTTPServer) -> NotificationChannel:
    return make_channel(project, "slack", {"webhook_url": httpserver.url_for("/hook")})


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    with smtp_server() as server:
        settings.EMAIL_URL = server.url
        yield server


@pytest.fixture
def email(project: Project, mailbox: Mailbox) -> NotificationChannel:
    return make_channel(project, "email", {"recipients": [ANA, BOB]})

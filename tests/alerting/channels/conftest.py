"""Receivers on loopback for each kind of channel, one of them behind TLS."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings
from pytest_httpserver import HTTPServer

from projects.models import Project
from tests.alerting.delivery_rows import make_project
from tests.alerting.receivers import make_identity


@pytest.fixture(autouse=True)
def outside(settings: Settings, httpserver: HTTPServer) -> None:
    settings.SLACK_API_URL = httpserver.url_for("/api")
    settings.TELEMETRY_OUTBOUND_ALLOW = ("127.0.0.1", "::1", "localhost")
    settings.PUBLIC_URL = "https://telemetry.example"


@pytest.fixture
def project(db: None) -> Project:
    return make_project()


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    return make_identity(tmp_path_factory.mktemp("identity"))


@pytest.fixture
def secure_server(
    identity: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> Iterator[HTTPServer]:
    """https://localhost, with a certificate that this process trusts."""
    path, context = identity
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with HTTPServer(host="localhost", port=0, ssl_context=context) as server:
        yield server

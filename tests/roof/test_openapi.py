"""The description of the API: complete, offline, and true under hostile requests."""

from __future__ import annotations

import re
from typing import Any

import pytest
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings

from telemetry_platform.handler import make_application
from tests.clients import client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db


def test_every_path_of_the_interface_is_described(client: Client) -> None:
    answer = client.get("/api/schema/")
    assert answer.status_code == 200
    paths = answer.json()["paths"]
    for path in (
        "/api/v1/events",
        "/api/v1/metrics",
        "/api/v1/business-metrics",
        "/api/v1/traces",
    ):
        assert {"get", "post"} <= set(paths[path]), path
    for path in ("/v1/traces", "/v1/metrics", "/v1/logs"):
        assert set(paths[path]) == {"post"}, path
        assert set(paths[path]["post"]["requestBody"]["content"]) == {
            "application/x-protobuf",
            "application/json",
        }
    read_only = ("metrics/series", "event-summary", "span-summary", "metric-chart")
    for path in ("alerts", "alert-rules", "notification-channels", "notifications", *read_only):
        assert f"/api/v1/{path}" in paths, path


def test_describing_the_interface_warns_of_nothing(client: Client, capfd: pytest.CaptureFixture[str]) -> None:
    """Warnings name what generated clients would get wrong, such as two things of one name."""
    schema = client.get("/api/schema/").json()
    assert capfd.readouterr().err == ""
    assert set(schema["components"]["securitySchemes"]) == {"ApiKey"}
    for path in ("/api/v1/alerts/{id}/why", "/api/v1/metric-chart"):
        assert set(schema["paths"][path]["get"]["responses"]) == {"200"}, path


def test_the_docs_page_asks_nobody_else_for_anything(client: Client) -> None:
    page = client.get("/api/docs/").content.decode()
    assert "swagger" in page.lower()
    assert re.findall(r'(?:src|href)="(?:https?:)?//[^"]*"', page) == []
    for asset in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
        assert client.get(asset).status_code == 200, asset


FUZZ = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)

# Messages are bytes to it; what is inside them, the tests of the formats vary.
for media_type in ("application/x-protobuf", "application/x-protobuf;proto=io.prometheus.write.v2.Request"):
    schemathesis.serializer.alias(media_type, "application/octet-stream")


# A real WSGI call closes the connection that a test's transaction would live on.
@pytest.mark.django_db(transaction=True)
def test_no_described_request_ends_in_a_server_error() -> None:
    """Each operation of the description with generated, partly wrong input."""
    key = client_of(make_project("fuzz")).key
    schema = schemathesis.openapi.from_wsgi("/api/schema/", make_application())
    answered: set[str] = set()
    for operation in schema.get_all_operations():
        described = operation.ok()  # type: ignore[union-attr]  # raises for a wrong description

        @FUZZ
        @given(case=described.as_strategy())
        def ask(case: schemathesis.Case[Any]) -> None:
            response = case.call(headers={"Authorization": f"Bearer {key}"})
            assert response.status_code < 500, f"{case.method} {case.path}: {response.text}"
            answered.add(f"{case.method} {case.path}")

        ask()
    assert len(answered) > 10

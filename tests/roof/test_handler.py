from __future__ import annotations

import io
from typing import Any

import pytest

from telemetry_platform.handler import make_application


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/health", "/v1/traces", "/api/v1/events", "/api/v1/write", "/admin/login/"]
)
@pytest.mark.parametrize("parameter", ["charset*=zz''x", "proto*=utf-9''x", "charset=nonsense", "a*0*='"])
def test_parameters_of_the_content_type_that_nobody_can_read_are_no_server_error(
    path: str, parameter: str
) -> None:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST", "PATH_INFO": path, "SERVER_NAME": "localhost", "SERVER_PORT": "80",
        "CONTENT_TYPE": f"application/json; {parameter}", "CONTENT_LENGTH": "2", "wsgi.input": io.BytesIO(b"{}"),
        "wsgi.url_scheme": "http", "wsgi.errors": io.StringIO(),
    }  # fmt: skip
    told: list[str] = []
    make_application()(environ, lambda status, headers, *rest: told.append(status))  # type: ignore[arg-type]  # WSGI's write callable is not used
    assert told[0][:3] in {"200", "401", "403", "405"}

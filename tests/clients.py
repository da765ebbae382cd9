"""The HTTP API as one project sees it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.test import Client

from projects.keys import ALL_SCOPES, create_key
from projects.models import Project


class ProjectClient:
    """Sends JSON with an API key; `status` and `body` of the last answer are returned together."""

    def __init__(self, key: str, project: Project) -> None:
        self.key = key
        self.project = project
        self._client = Client(raise_request_exception=False)

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Any:
        """The raw response; headers are written as HTTP_X_API_KEY and the like, CONTENT_TYPE as it is."""
        content_type = headers.pop("CONTENT_TYPE", "application/json")
        headers.setdefault("HTTP_AUTHORIZATION", f"Bearer {self.key}")
        if method == "POST":
            # Django's client leaves it out where the body is empty.
            headers["CONTENT_TYPE"] = content_type
        return self._client.generic(method, path, body or b"", content_type=content_type, **headers)  # type: ignore[arg-type]  # WSGI headers

    def post(self, path: str, body: Any, **headers: str) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", path, data, **headers)

    def put(self, path: str, body: Any) -> Any:
        return self.send("PUT", path, json.dumps(body).encode())

    def patch(self, path: str, body: Any) -> Any:
        return self.send("PATCH", path, json.dumps(body).encode())

    def delete(self, path: str) -> Any:
        return self.send("DELETE", path)

    def get(self, path: str) -> Any:
        return self.send("GET", path)

    def results(self, path: str) -> list[dict[str, Any]]:
        """All rows of a list, over all its pages."""
        rows: list[dict[str, Any]] = []
        following: str | None = path
        while following:
            answer = self.get(following)
            assert answer.status_code == 200, answer.content
            page = answer.json()
            rows += page["results"]
            following = page["next"]
        return rows


def client_of(project: Project, scopes: Sequence[str] = ALL_SCOPES, **limits: int) -> ProjectClient:
    _, key = create_key(project, "test", scopes, rate_limit_per_second=limits.get("rate_limit_per_second"))
    return ProjectClient(key, project)


def counts(answer: Any) -> tuple[int, int, int]:
    """(accepted, duplicates, rejected) of an ingest answer."""
    assert answer.status_code == 202, answer.content
    body = answer.json()
    return body["accepted"], body["duplicates"], body["rejected"]


def places(answer: Any) -> list[tuple[int, str, str]]:
    """(index, field, code) of each rejected record."""
    return [(error["index"], error["field"], error["code"]) for error in answer.json()["errors"]]

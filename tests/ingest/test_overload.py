"""More than can be stored at the moment, and bodies that swell: each format's client is told to come back."""

from __future__ import annotations

import gzip
import json
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection, connections

from projects.models import Project
from storage.connections import connect
from storage.writer import get_writer
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project
from tests.ingest.otlp import messages as otlp
from tests.ingest.prometheus import messages as remote_write

DEADLINE_SECONDS = 20
STRUCTURED = "application/cloudevents+json"

Send = Callable[[ProjectClient], Any]


def native(api: ProjectClient) -> Any:
    return api.post("/api/v1/events", {"event_name": "overload"})


def cloudevent(api: ProjectClient) -> Any:
    event = {"specversion": "1.0", "id": str(time.monotonic_ns()), "source": "/shop", "type": "overload"}
    return api.send("POST", "/api/v1/events", json.dumps(event).encode(), CONTENT_TYPE=STRUCTURED)


FORMATS = {
    "native": native,
    "otlp": lambda api: otlp.send(api, otlp.LOGS, otlp.logs(otlp.log())),  # O11
    "remote write 1.0": lambda api: remote_write.send(api, remote_write.sample_1()),  # R10
    "remote write 2.0": lambda api: remote_write.send(api, remote_write.sample_2(), remote_write.V2),  # R9
    "cloudevents": cloudevent,
}


@pytest.fixture
def project(transactional_db: None) -> Project:
    return make_project("shop")


@pytest.fixture
def api(project: Project) -> ProjectClient:
    return client_of(project)


@pytest.fixture
def stuck_writer(api: ProjectClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The writer waits for a lock, a second request fills its queue: there is room for nothing more."""
    assert native(api).status_code == 202
    writer = get_writer()
    monkeypatch.setattr(writer, "max_queued_rows", 1)
    answers: list[int] = []
    with connect() as locking, locking.transaction():
        locking.execute("LOCK TABLE telemetry_events IN SHARE MODE")
        waiting = [threading.Thread(target=_send, args=(api, answers)) for _ in range(2)]
        waiting[0].start()
        _wait_until(_somebody_waits)
        waiting[1].start()
        _wait_until(writer.is_full)
        yield
    for thread in waiting:
        thread.join(DEADLINE_SECONDS)
    assert answers == [202, 202]


def _send(api: ProjectClient, answers: list[int]) -> None:
    try:
        answers.append(native(api).status_code)
    finally:
        connections.close_all()


def _somebody_waits() -> bool:
    with psycopg.connect(**connection.get_connection_params()) as looking:
        found = looking.execute(
            "SELECT 1 FROM pg_locks JOIN pg_database d ON d.oid = database "
            "WHERE NOT granted AND datname = current_database()"
        )
        return found.fetchone() is not None


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"


@pytest.mark.usefixtures("stuck_writer")
@pytest.mark.parametrize("name", FORMATS)
def test_a_full_queue_is_a_503_that_says_when_to_come_back(api: ProjectClient, name: str) -> None:
    answer = FORMATS[name](api)
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) >= 1


@pytest.mark.parametrize("path", ["/api/v1/events", otlp.TRACES, otlp.LOGS])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_bomb_takes_no_more_memory_than_a_body_may_have(api: ProjectClient, path: str, layers: int) -> None:
    body = bytes(400_000_000)
    for _ in range(layers):
        body = gzip.compress(body, 1)
    content_type = "application/json" if path == "/api/v1/events" else otlp.PROTOBUF
    tracemalloc.start()
    try:
        answer = api.send("POST", path, body, CONTENT_TYPE=content_type, HTTP_CONTENT_ENCODING="gzip")
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # O13. What was packed twice is nothing that anybody reads.
    assert answer.status_code == (413 if layers == 1 else 400)
    assert peak_bytes < 200_000_000


@pytest.mark.parametrize(
    "path",
    [
        *("/api/v1/events", "/api/v1/metrics", "/api/v1/traces", "/api/v1/business-metrics"),
        *("/api/v1/write", "/v1/traces", "/v1/metrics", "/v1/logs"),
        *("/v1/track", "/v1/identify", "/v1/page", "/v1/screen", "/v1/group", "/v1/alias", "/v1/batch"),
    ],
)
@pytest.mark.parametrize("slash", ["", "/"])
def test_nothing_that_is_sent_is_ever_redirected(api: ProjectClient, path: str, slash: str) -> None:
    for content_type in ("application/json", "text/plain", STRUCTURED, otlp.PROTOBUF):
        answer = api.send("POST", path + slash, b"{}", CONTENT_TYPE=content_type)  # C15
        assert not 300 <= answer.status_code < 400

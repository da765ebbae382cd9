"""What only a real web server shows: chunked bodies, clients in the middle of sending, stores that go away."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.acceptance.conftest import KEY, World
from tests.platform.running import wait_for

pytestmark = pytest.mark.xdist_group("acceptance")

OWN_SERVERS = pytest.mark.parametrize("world", ["embedded"], indirect=True)
"""For scenes that end a server which the platform has started itself."""

HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}


def send(world: World, body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", world.platform.port, timeout=30)
    chunked = not isinstance(body, bytes)
    connection.request("POST", "/api/v1/events", body, {**HEADERS, **headers}, encode_chunked=chunked)
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response.status, answer


def in_chunks(body: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def test_a_chunked_body_is_read_whole(world: World) -> None:
    events = [{"event_name": "chunked", "properties": {"text": "line\nline\n" * 50}} for _ in range(200)]
    body = json.dumps({"events": events}).encode()
    status, answer = send(world, in_chunks(body, 1000), **{"Transfer-Encoding": "chunked"})
    assert (status, answer["accepted"]) == (202, 200)


@pytest.mark.parametrize("size", [21_000_000, 60_000_000])
def test_a_client_in_the_middle_of_sending_sees_the_413(world: World, size: int) -> None:
    status, answer = send(world, b" " * size)
    assert (status, answer["code"]) == (413, "too_large")


def test_a_chunked_body_past_the_limit_is_413_too(world: World) -> None:
    status, answer = send(world, in_chunks(b" " * 30_000_000, 65536), **{"Transfer-Encoding": "chunked"})
    assert (status, answer["code"]) == (413, "too_large")


def test_a_wrong_key_is_told_before_its_body_matters(world: World) -> None:
    status, answer = send(world, b" " * 5_000_000, Authorization="Bearer wrong")
    assert (status, answer["code"]) == (401, "invalid_key")


@OWN_SERVERS
def test_nothing_acknowledged_is_lost_when_postgresql_is_killed(world: World) -> None:
    postgres = world.platform.child("PostgreSQL")
    assert postgres is not None
    stored = [f"kept-{number}" for number in range(20)]
    for name in stored:
        assert (
            send(world, json.dumps({"event_name": name, "event_type": "kill_test", "id": name}).encode())[0]
            == 202
        )
    postgres.send_signal(signal.SIGKILL)
    statuses = {send(world, b'{"event_name": "meanwhile", "id": "meanwhile"}')[0] for _ in range(3)}
    assert statuses <= {202, 503}
    wait_for(
        lambda: send(world, b'{"event_name": "after", "event_type": "kill_test", "id": "after"}')[0] == 202,
        "the store to come back",
        60,
    )
    # The writer's old backend may have stored that; readers need the new server.
    wait_for(lambda: not postgres.is_running(), "the old server to be gone")
    world.platform.wait_until_ready()
    rows = world.get("/api/v1/events/?event_type=kill_test&page_size=1000")["results"]
    assert sorted(row["event_name"] for row in rows) == sorted([*stored, "after"])


def test_ingest_goes_on_without_valkey_and_rules_catch_up_once(world: World) -> None:
    valkey = world.platform.child("Valkey")
    assert valkey is not None
    valkey.send_signal(signal.SIGSTOP)
    try:
        status, _ = send(world, b'{"event_name": "without valkey"}')
        ready = world.platform.request("/ready")
    finally:
        valkey.send_signal(signal.SIGCONT)
    assert status == 202
    assert (ready.status, ready.body["checks"]["valkey"]) == (200, "degraded")
    wait_for(
        lambda: world.platform.request("/ready?strict=1").status == 200, "everything to be well again", 60
    )


def test_slow_bodies_leave_the_platform_alive(world: World) -> None:
    """More clients that send a few bytes and then nothing than web has threads, without any key."""
    head = b"POST /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\n\r\nabcd"
    with contextlib.ExitStack() as opened:
        for _ in range(80):
            slow = opened.enter_context(
                socket.create_connection(("127.0.0.1", world.platform.port), timeout=10)
            )
            slow.sendall(head)
        wait_for(lambda: world.platform.request("/health").status == 200, "/health beside slow clients", 10)
        assert send(world, b'{"event_name": "beside slow clients"}')[0] == 202


def test_clients_that_send_slowly_hold_no_connection(world: World) -> None:
    """Each with a key of its own that has to be looked up, and more of them than web has connections."""
    head = (
        "POST /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\nX-API-Key: {}\r\n\r\nabcd"
    )
    with contextlib.ExitStack() as opened:
        for number in range(40):
            slow = opened.enter_context(
                socket.create_connection(("127.0.0.1", world.platform.port), timeout=10)
            )
            slow.sendall(head.format(f"unknown-{number}").encode())
        statuses = [world.platform.request("/api/v1/events/", key=KEY).status for _ in range(20)]
    assert set(statuses) == {200}


def test_more_requests_at_once_than_web_has_connections_all_succeed(world: World) -> None:
    """72 threads share 16 connections (behind PgBouncer all processes share 6)."""

    def ask(number: int) -> tuple[int, int]:
        status, _ = send(world, json.dumps({"event_name": "crowd", "id": f"crowd-{number}"}).encode())
        return status, world.platform.request("/api/v1/events/?event_name=crowd", key=KEY).status

    with ThreadPoolExecutor(64) as clients:
        assert set(clients.map(ask, range(256))) == {(202, 200)}


@pytest.mark.parametrize("path", ["/api/v1/alert-rules/", "/api/v1/nothing/"])
def test_a_large_body_anywhere_in_the_api_is_answered(world: World, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", world.platform.port, timeout=30)
    connection.request("POST", path, b" " * 30_000_000, HEADERS)
    response = connection.getresponse()
    assert response.status in (404, 413)
    assert json.loads(response.read())["code"]
    connection.close()

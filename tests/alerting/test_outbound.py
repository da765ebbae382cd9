from __future__ import annotations

import gzip
import ipaddress
import logging
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings
from pytest_httpserver import HTTPServer

from alerting import outbound
from alerting.outbound import Allowed, Refused, Unreachable, is_open, post
from tests.alerting.receivers import dripping, make_identity, tcp_server


@pytest.fixture(autouse=True)
def loopback_is_open(settings: Settings) -> None:
    settings.TELEMETRY_OUTBOUND_ALLOW = ("127.0.0.1",)


INSIDE = [
    ("127.0.0.1", "loopback"),
    ("127.8.9.10", "loopback, any of it"),
    ("0.0.0.0", "unspecified"),
    ("10.1.2.3", "private"),
    ("172.16.0.1", "private"),
    ("172.31.255.255", "private"),
    ("192.168.1.1", "private"),
    ("169.254.169.254", "metadata, link-local"),
    ("100.64.0.1", "carrier NAT"),
    ("100.100.100.200", "metadata in carrier NAT"),
    ("168.63.129.16", "metadata at a public address"),
    ("192.0.0.192", "metadata among protocol assignments"),
    ("198.18.0.1", "benchmarks"),
    ("192.88.99.1", "6to4 relay"),
    ("224.0.0.1", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "broadcast"),
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("fe80::1", "link-local"),
    ("fe80::1%eth0", "link-local with a zone"),
    ("fec0::1", "site-local"),
    ("fc00::1", "unique local"),
    ("fd00:ec2::254", "metadata"),
    ("ff02::1", "multicast"),
    ("::ffff:127.0.0.1", "mapped loopback"),
    ("::ffff:169.254.169.254", "mapped metadata"),
    ("::127.0.0.1", "IPv4-compatible loopback"),
    ("64:ff9b::7f00:1", "NAT64 of loopback"),
    ("64:ff9b::a9fe:a9fe", "NAT64 of metadata"),
    ("64:ff9b:1::1", "NAT64 for local use"),
    ("2002:7f00:1::", "6to4 of loopback"),
    ("2002:a00:1::1", "6to4 of private"),
    ("2001:0:7f00:1::1", "Teredo"),
    ("2001:db8::1", "documentation"),
]


@pytest.mark.parametrize(("address", "what"), INSIDE)
def test_an_address_inside_is_closed(address: str, what: str) -> None:
    assert not is_open(ipaddress.ip_address(address), "example.com", Allowed.parse([])), what


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"],
)
def test_an_address_outside_is_open(address: str) -> None:
    assert is_open(ipaddress.ip_address(address), "example.com", Allowed.parse([]))


@pytest.mark.parametrize(
    ("allowed", "address", "host", "expected"),
    [
        ("10.0.0.5", "10.0.0.5", "hooks", True),
        ("10.0.0.5", "10.0.0.6", "hooks", False),
        ("10.0.0.0/8", "10.200.0.1", "hooks", True),
        ("127.0.0.1", "::ffff:127.0.0.1", "hooks", True),
        ("fd00::/8", "fd12::1", "hooks", True),
        ("hooks.internal", "10.0.0.5", "hooks.internal", True),
        ("Hooks.Internal", "10.0.0.5", "hooks.INTERNAL.", True),
        ("hooks.internal", "10.0.0.5", "evil.hooks.internal", False),
        ("hooks.internal", "10.0.0.5", "10.0.0.5", False),
    ],
)
def test_the_setting_opens_what_it_names_and_nothing_else(
    allowed: str, address: str, host: str, expected: bool
) -> None:
    assert is_open(ipaddress.ip_address(address), host, Allowed.parse([allowed])) is expected


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "2130706433",
        "0x7f.1",
        "127.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ],
)
def test_no_spelling_of_loopback_is_connected_to(host: str, settings: Settings) -> None:
    settings.TELEMETRY_OUTBOUND_ALLOW = ()
    reached = threading.Event()
    with tcp_server(lambda connection, over: reached.set()) as port, pytest.raises(Refused) as refused:
        post(f"http://{host}:{port}/", b"{}", {})
    assert not reached.is_set()
    assert "TELEMETRY_OUTBOUND_ALLOW" in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "example.com/hook",
        "//example.com/hook",
        "",
        "http://",
        "http://user:password@example.com/",
        "http://user@example.com/",
        "http://exa mple.com/",
        "http://example.com/\r\nX-Header: 1",
        "http://example.com/\x00",
        "http://exämple.com/",
        "http://example.com:99999/",
        "http://[::1/",
        "http://example.com/" + "a" * 2000,
    ],
)
def test_a_url_that_is_wrong_by_itself_is_refused_before_any_look_up(url: str) -> None:
    with pytest.raises(Refused):
        post(url, b"{}", {})


def test_a_post_arrives_with_body_and_headers_and_its_answer_comes_back(httpserver: HTTPServer) -> None:
    httpserver.expect_request(
        "/services/T0/B0/secret",
        method="POST",
        data=b'{"a": 1}',
        headers={"Content-Type": "application/json"},
    ).respond_with_data("ok", status=201, headers={"X-Answer": "yes"})

    answer = post(
        httpserver.url_for("/services/T0/B0/secret"), b'{"a": 1}', {"Content-Type": "application/json"}
    )

    assert (answer.status, answer.body, answer.headers["x-answer"]) == (201, b"ok", "yes")


def test_https_is_verified_by_the_name_in_the_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authorities, tls = make_identity(tmp_path)

    def answer(connection: socket.socket, over: threading.Event) -> None:
        with tls.wrap_socket(connection, server_side=True) as encrypted:
            request = b""
            while not request.endswith(b"{}"):
                request += encrypted.recv(10_000)
            encrypted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with tcp_server(answer) as port:
        with pytest.raises(Unreachable, match="certificate"):
            post(f"https://localhost:{port}/", b"{}", {})
        monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
        assert post(f"https://localhost:{port}/", b"{}", {}).body == b"ok"
        with pytest.raises(Unreachable, match="certificate"):
            post(f"https://127.0.0.1:{port}/", b"{}", {})


def test_redirects_are_not_followed(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data(status=307, headers={"Location": "/elsewhere"})
    assert post(httpserver.url_for("/hook"), b"{}", {}).status == 307
    assert [request.path for request, _ in httpserver.log] == ["/hook"]


def test_a_huge_body_is_cut(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data(b"x" * 5_000_000)
    assert len(post(httpserver.url_for("/hook"), b"{}", {}).body) == outbound.MAX_BODY_BYTES


def test_a_compressed_bomb_is_not_inflated(httpserver: HTTPServer) -> None:
    bomb = gzip.compress(b"\0" * 20_000_000)
    httpserver.expect_request("/hook").respond_with_data(bomb, headers={"Content-Encoding": "gzip"})
    assert post(httpserver.url_for("/hook"), b"{}", {}).body == bomb[: outbound.MAX_BODY_BYTES]


def test_proxies_of_the_environment_are_not_used(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    httpserver.expect_request("/hook").respond_with_data("direct")
    assert post(httpserver.url_for("/hook"), b"{}", {}).body == b"direct"


@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX-Endless: "])
def test_an_answer_that_drips_ends_with_the_time_limit(beginning: bytes) -> None:
    began = time.monotonic()
    with tcp_server(dripping(beginning)) as port, pytest.raises(Unreachable, match="no answer in time"):
        post(f"http://127.0.0.1:{port}/", b"{}", {}, timeout_seconds=0.5)
    assert time.monotonic() - began < 3


def test_a_body_that_drips_is_cut_when_time_is_up_and_the_status_counts() -> None:
    with tcp_server(dripping(b"HTTP/1.1 200 OK\r\n\r\n")) as port:
        answer = post(f"http://127.0.0.1:{port}/", b"{}", {}, timeout_seconds=0.5)
    assert answer.status == 200
    assert set(answer.body) <= {ord("x")}


def test_a_server_that_says_nothing_is_unreachable_after_the_time_limit() -> None:
    with tcp_server(lambda connection, over: over.wait(10)) as port:
        for scheme in ("http", "https"):
            with pytest.raises(Unreachable, match="no answer in time"):
                post(f"{scheme}://127.0.0.1:{port}/", b"{}", {}, timeout_seconds=0.3)


def test_refused_connections_and_unknown_names_are_unreachable(free_port: int) -> None:
    with pytest.raises(Unreachable, match="connection refused"):
        post(f"http://127.0.0.1:{free_port}/", b"{}", {})
    with pytest.raises(Unreachable, match="name is not known"):
        post("http://nobody.invalid/", b"{}", {})


def test_what_is_no_http_is_unreachable() -> None:
    with (
        tcp_server(lambda connection, over: connection.sendall(b"220 mail ready\r\n")) as port,
        pytest.raises(Unreachable, match="the connection failed"),
    ):
        post(f"http://127.0.0.1:{port}/", b"{}", {})


def test_the_secret_path_is_in_no_log_and_no_error(
    httpserver: HTTPServer, caplog: pytest.LogCaptureFixture, free_port: int
) -> None:
    httpserver.expect_request("/services/sesame").respond_with_data("no", status=404)
    caplog.set_level(logging.DEBUG)
    post(httpserver.url_for("/services/sesame"), b"{}", {})
    with pytest.raises(Unreachable) as error:
        post(f"http://127.0.0.1:{free_port}/services/sesame", b"{}", {})
    ours = [record.getMessage() for record in caplog.records if record.name != "werkzeug"]
    assert "sesame" not in " ".join([*ours, str(error.value)])


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port that refuses connections: bound, but nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]

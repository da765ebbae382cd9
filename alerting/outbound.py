"""The guard against SSRF: the only way in which this platform calls an address that a user typed in.

The address is checked after the name is resolved, and the checked address is the one connected to: a name that
answers differently the second time (DNS rebinding) gains nothing. Redirects are not followed, proxies of the
environment are not used, answers are cut, and one time limit covers everything from the look-up to the last byte.
"""

from __future__ import annotations

import ipaddress
import logging
import queue
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from django.conf import settings
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.response import BaseHTTPResponse
from urllib3.util import Timeout, Url, parse_url

from alerting.deadlines import Deadline

TIMEOUT_SECONDS = 20.0
MAX_BODY_BYTES = 64 * 1024
MAX_URL_LENGTH = 2000

# urllib3 writes paths at debug level; a webhook's path is its secret.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Entry = tuple[int, int, int, str, Any]
"""One answer of `getaddrinfo`: family, kind, protocol, name, socket address."""

# What `is_global` lets pass although nobody's webhook lives there: protocol assignments, 6to4 relays,
# Azure's metadata server.
_CLOSED = [ipaddress.ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")]
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class OutboundError(Exception):
    """The request got no answer. The text is one line fit to show; it names the host, never the path."""


class Refused(OutboundError):
    """The guard does not allow this request: trying again is no use until the URL or the settings change."""


class Unreachable(OutboundError):
    """No connection, or no whole answer in time: may work later."""


@dataclass(frozen=True, slots=True)
class Response:
    """`headers` by lower-case name; `body` cut at 64 KB, or where time was up after the status had come."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Allowed:
    """What TELEMETRY_OUTBOUND_ALLOW opens: networks, and host names wherever they point."""

    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    hosts: frozenset[str]

    @classmethod
    def parse(cls, words: Iterable[str]) -> Allowed:
        networks, hosts = [], []
        for word in words:
            try:
                networks.append(ipaddress.ip_network(word, strict=False))
            except ValueError:
                hosts.append(_plain_host(word))
        return cls(tuple(networks), frozenset(hosts))


def post(url: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float | None = None) -> Response:
    """POST once and return the answer, whatever its status. Raises Refused or Unreachable."""
    return request("POST", url, body, headers, timeout_seconds)


def request(
    method: str,
    url: str,
    body: bytes | None,
    headers: Mapping[str, str],
    timeout_seconds: float | None = None,
) -> Response:
    """One request and its answer, whatever the status, within 20 s or as told. Raises Refused or Unreachable."""
    target = check_url(url)
    timeout_seconds = TIMEOUT_SECONDS if timeout_seconds is None else timeout_seconds
    with Deadline(timeout_seconds) as deadline:
        pool = _pool(target, deadline)
        try:
            answer = pool.urlopen(
                method,
                target.request_uri,
                body=body,
                headers={"Accept-Encoding": "identity", "Connection": "close", **headers},
                retries=False,
                redirect=False,
                preload_content=False,
                timeout=Timeout(total=timeout_seconds),
            )
            if deadline.is_over():  # cut off within the headers, which reads like their end
                raise TimeoutError
            return Response(answer.status, _lower(answer.headers), _read(answer, deadline))
        except (HTTPError, HTTPException, OSError) as error:
            reason = "no answer in time" if deadline.is_over() else _reason(error)
            raise Unreachable(f"{target.host}: {reason}") from None
        finally:
            pool.close()


def check_url(url: str) -> Url:
    """The parsed URL. Raises Refused for what is wrong without a look-up: scheme, userinfo, control characters."""
    if len(url) > MAX_URL_LENGTH or not url.isascii() or not url.isprintable() or " " in url:
        raise Refused("The URL must be printable ASCII without spaces, 2000 characters at most.")
    try:
        target = parse_url(url)
    except LocationParseError:
        raise Refused("This is no valid URL.") from None
    if target.scheme not in {"http", "https"}:
        raise Refused("The URL must begin with https:// or http://.")
    if target.auth is not None:
        raise Refused("The URL must not contain a user name or password.")
    if not target.host or target.port == 0:
        raise Refused("The URL must name a host.")
    return target


def is_open(address: Address, host: str, allowed: Allowed) -> bool:
    """Whether a connection to `address`, found under the name `host`, may be made.

    Addresses that carry an IPv4 address inside (mapped, NAT64, 6to4) are judged by that one.
    """
    inner = _inner(address)
    if _plain_host(host) in allowed.hosts:
        return True
    if any(one in network for network in allowed.networks for one in (address, inner)):
        return True
    if any(inner in network for network in _CLOSED):
        return False
    return inner.is_global and not (inner.is_multicast or inner.is_reserved or _is_site_local(inner))


def _inner(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_site_local(address: Address) -> bool:
    return isinstance(address, ipaddress.IPv6Address) and address.is_site_local


def _plain_host(host: str) -> str:
    return host.lower().strip("[]").rstrip(".")


class _Guarded:
    """Mixed into urllib3's connections: resolve, check, connect to what was checked."""

    def __init__(self, *args: Any, deadline: Deadline, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline = deadline

    host: str
    port: int

    def _new_conn(self) -> socket.socket:
        allowed = Allowed.parse(settings.TELEMETRY_OUTBOUND_ALLOW)
        found = _resolve(self.host, self.port, self._deadline)
        checked = [entry for entry in found if is_open(_address(entry), self.host, allowed)]
        if not checked:
            raise Refused(
                f"{self.host} is inside this network or reserved; TELEMETRY_OUTBOUND_ALLOW can open it."
            )
        return _connect_first(checked, self._deadline)


class _GuardedHTTPConnection(_Guarded, HTTPConnection):
    pass


class _GuardedHTTPSConnection(_Guarded, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _GuardedHTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedHTTPSConnection


def _pool(target: Url, deadline: Deadline) -> HTTPConnectionPool:
    assert target.host is not None
    pool_class = _HTTPSPool if target.scheme == "https" else _HTTPPool
    return pool_class(target.host, target.port, maxsize=1, deadline=deadline)


def _resolve(host: str, port: int, deadline: Deadline) -> list[Entry]:
    """All addresses of a host. In a thread of its own: a look-up can't be interrupted, only left behind."""
    answers: queue.SimpleQueue[list[Entry] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        answer = answers.get(timeout=deadline.remaining_seconds())
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, UnicodeError):
        raise Refused("The URL's host is no valid name.")
    if isinstance(answer, Exception):
        raise Unreachable(f"{host}: the name is not known")
    return answer


def _address(entry: Entry) -> Address:
    return ipaddress.ip_address(entry[4][0])


def _connect_first(entries: list[Entry], deadline: Deadline) -> socket.socket:
    """The first of the addresses that answers; the time left is shared among those still to try."""
    problem: OSError = TimeoutError()
    for position, (family, kind, protocol, _, where) in enumerate(entries):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(deadline.remaining_seconds() / (len(entries) - position))
            connection.connect(where)
            connection.settimeout(deadline.remaining_seconds())
            deadline.watch(connection)
            return connection
        except OSError as error:
            connection.close()
            problem = error
    raise problem


def _read(answer: BaseHTTPResponse, deadline: Deadline) -> bytes:
    """The body as far as it came. What the status says is decided already: a dripping body must not undo it."""
    parts: list[bytes] = []
    try:
        parts.extend(_pieces(answer))
    except (HTTPError, HTTPException, OSError):
        if not deadline.is_over():
            raise
    return b"".join(parts)


def _pieces(answer: BaseHTTPResponse) -> Iterator[bytes]:
    left = MAX_BODY_BYTES
    while left and (piece := answer.read1(left, decode_content=False)):
        left -= len(piece)
        yield piece


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _reason(error: Exception) -> str:
    """Few words by kind: the libraries' own texts hold addresses and object names."""
    cause = error.__cause__ or error.__context__ or error
    if isinstance(error, TimeoutError) or isinstance(cause, TimeoutError):
        return "no answer in time"
    if "certificate" in str(error).lower():
        return "its certificate can't be verified"
    if isinstance(cause, ConnectionRefusedError) or isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return "the connection failed"

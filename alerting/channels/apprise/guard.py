"""What stands in for the library `requests` inside apprise's plugins: the same calls, through our guard.

A plugin finds `requests` as a name of its own module; that name is what we replace. Nothing else in the process sees
the replacement, and a plugin can't reach past it by redirects, proxies, sessions or options. The library itself is
loaded with the first message: 5 MB that processes without such channels don't need.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from io import BytesIO
from types import ModuleType
from typing import TYPE_CHECKING, Any

from alerting import outbound

if TYPE_CHECKING:
    import requests

# What plugins take from the library besides its calls and errors.
_NAMES = frozenset({"codes", "exceptions", "Timeout", "TooManyRedirects"})


@dataclass(slots=True)
class Conversation:
    """All requests of one message, under one time limit, and what each came to."""

    ends: float
    exchanges: list[outbound.Response | outbound.OutboundError] = field(default_factory=list)

    def remaining_seconds(self) -> float:
        return self.ends - time.monotonic()


_current: ContextVar[Conversation] = ContextVar("apprise_conversation")


@contextmanager
def conversation(timeout_seconds: float) -> Iterator[Conversation]:
    """Plugins may send within it, and only there."""
    begun = Conversation(time.monotonic() + timeout_seconds)
    token = _current.set(begun)
    try:
        yield begun
    finally:
        _current.reset(token)


def guard_module(module: ModuleType) -> None:
    """Give a plugin's module the guarded calls."""
    if not isinstance(module.__dict__["requests"], GuardedRequests):
        module.__dict__["requests"] = GuardedRequests()


class GuardedRequests:
    """The calls of `requests` that plugins make. `verify`, `timeout` and `allow_redirects` have no effect."""

    def get(self, url: str, **options: Any) -> requests.Response:
        return _send("GET", url, options)

    def post(self, url: str, **options: Any) -> requests.Response:
        return _send("POST", url, options)

    def put(self, url: str, **options: Any) -> requests.Response:
        return _send("PUT", url, options)

    def delete(self, url: str, **options: Any) -> requests.Response:
        return _send("DELETE", url, options)

    def __getattr__(self, name: str) -> Any:
        import requests

        if name in _NAMES or name.endswith(("Error", "Exception")):
            return getattr(requests, name)
        raise AttributeError(f"plugins may not use requests.{name}")


def _send(method: str, url: str, options: dict[str, Any]) -> requests.Response:
    import requests

    told = {name: options.get(name) for name in ("params", "data", "json", "headers", "auth")}
    prepared = requests.Request(method, url, **told).prepare()
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
    assert body is None or isinstance(body, bytes), "streams come from attachments, and there are none"
    headers = {
        name: value.decode("latin-1") if isinstance(value, bytes) else value
        for name, value in prepared.headers.items()
    }
    talk = _current.get()
    try:
        if not str(prepared.url).startswith("https://"):
            raise outbound.Refused("Only https:// may be used.")
        if talk.remaining_seconds() <= 0:
            raise outbound.Unreachable("no answer in time")
        answer = outbound.request(method, str(prepared.url), body, headers, talk.remaining_seconds())
    except outbound.OutboundError as error:
        talk.exchanges.append(error)
        raise requests.ConnectionError(str(error)) from None
    talk.exchanges.append(answer)
    return _as_response(answer, prepared)


def _as_response(answer: outbound.Response, prepared: requests.PreparedRequest) -> requests.Response:
    import requests

    response = requests.Response()
    response.status_code = answer.status
    response.headers.update(answer.headers)
    response.raw = BytesIO(answer.body)
    response.encoding = "utf-8"
    response.url, response.request = str(prepared.url), prepared
    return response

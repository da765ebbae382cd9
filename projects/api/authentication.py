"""API keys: who calls, what the key may do, how often."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from projects.keys import KeyIdentity, identify

if TYPE_CHECKING:
    from rest_framework.views import APIView

METHOD_SCOPES = {"GET": "read", "HEAD": "read", "OPTIONS": "read"}


def identity_of(request: Request) -> KeyIdentity | None:
    """Who a request comes from, once that is known; None before, and where the key is missing or wrong."""
    identity: KeyIdentity | None = request.auth  # type: ignore[assignment]  # DRF types it as a Token
    return identity


def project_id_of(request: Request) -> int:
    """The project of the key behind an authenticated request."""
    identity: KeyIdentity = request.auth  # type: ignore[assignment]  # DRF types it as a Token
    return identity.project_id


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>` or `X-API-Key: <key>`."""

    def authenticate(self, request: Request) -> tuple[None, KeyIdentity] | None:
        key = _key_of(request.META.get("HTTP_AUTHORIZATION", ""), request.META.get("HTTP_X_API_KEY", ""))
        if not key:
            return None
        identity = identify(key)
        if identity is None:
            raise AuthenticationFailed("This API key is unknown or revoked.", code="invalid_key")
        return None, identity

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _key_of(authorization: str, x_api_key: str) -> str:
    if x_api_key:
        return x_api_key.strip()
    scheme, _, key = authorization.strip().partition(" ")
    if not scheme:
        return ""
    if scheme.lower() != "bearer" or not key.strip():
        raise AuthenticationFailed("Send the API key as 'Authorization: Bearer <key>'.", code="invalid_key")
    return key.strip()


class HasScope(BasePermission):
    """The key carries the scope that the view names for the method (`scopes = {"POST": "ingest"}`)."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        identity = identity_of(request)
        if identity is None:
            return False
        method = request.method or "GET"
        scope = getattr(view, "scopes", METHOD_SCOPES).get(method, METHOD_SCOPES.get(method, "manage"))
        self.message = f"This API key lacks the scope '{scope}'."
        self.code = "missing_scope"
        return scope in identity.scopes


def _limit_per_second(identity: KeyIdentity) -> int | None:
    return identity.record_limit_per_second if identity.is_browser else identity.rate_limit_per_second


class TokenBucket:
    """So many a second with a burst of one second; `take` returns the seconds to wait, 0 when allowed."""

    def __init__(self, rate_per_second: float, now: float) -> None:
        self.rate = rate_per_second
        self.capacity = max(1.0, rate_per_second)
        self.tokens = self.capacity
        self.updated_at = now

    def take(self, now: float) -> float:
        self.tokens = min(self.capacity, self.tokens + (now - self.updated_at) * self.rate)
        self.updated_at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) / self.rate

    def owe(self, count: int) -> None:
        """Take more than may be there: who comes next waits until it is paid off."""
        self.tokens -= count


class KeyRateThrottle(BaseThrottle):
    """The key's limit, divided by the web workers because each process counts for itself.

    Server keys pay for each request. Browser keys pay for each record: one when the request is let in, and the others
    when they are known (`pay_for_records`), so that a batch larger than a second's worth passes once.
    """

    _buckets: dict[int, TokenBucket] = {}
    _lock = threading.Lock()

    def allow_request(self, request: Request, view: APIView) -> bool:
        identity = identity_of(request)
        limit = _limit_per_second(identity) if identity else None
        if identity is None or limit is None:
            return True
        rate = limit / settings.WEB_WORKERS
        now = time.monotonic()
        with self._lock:
            bucket = self._buckets.get(identity.key_id)
            if bucket is None or bucket.rate != rate:
                bucket = self._buckets[identity.key_id] = TokenBucket(rate, now)
            self._wait_seconds = bucket.take(now)
        return self._wait_seconds == 0

    @classmethod
    def pay_for_records(cls, identity: KeyIdentity, record_count: int) -> None:
        """Charge a browser key for what its request held; nothing for other keys."""
        if identity.record_limit_per_second is None:
            return
        with cls._lock:
            if bucket := cls._buckets.get(identity.key_id):
                bucket.owe(max(record_count - 1, 0))

    def wait(self) -> float:
        return math.ceil(self._wait_seconds)


class KeyAuthenticationScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # drf-spectacular's registry
    """Names the key in the OpenAPI description: once, however many classes read it from elsewhere, too.

    Settings describe the scheme: one that is described here would be another one for each of those classes.
    """

    target_class = "projects.api.authentication.KeyAuthentication"
    match_subclasses = True
    name: list[str] = []

    def get_security_requirement(self, auto_schema: Any) -> dict[str, list[Any]]:
        return {"ApiKey": []}

    def get_security_definition(self, auto_schema: Any) -> list[Any]:
        return []

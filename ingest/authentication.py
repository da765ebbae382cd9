"""Keys as the specs of foreign formats and browsers let clients send them."""

from __future__ import annotations

from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from ingest.protocols.base import Head
from ingest.protocols.beacons import is_beacon, write_key
from ingest.reading import inflated
from projects.api.authentication import KeyAuthentication
from projects.keys import KeyIdentity, identify

ACCESS_TOKEN = "access_token"
"""A query parameter by RFC 6750 and the CloudEvents webhook spec; logs drop query strings."""


class IngestKeyAuthentication(KeyAuthentication):
    """`Authorization: Bearer`, `X-API-Key`, or `?access_token=` for clients that can't set headers."""

    def authenticate(self, request: Request) -> tuple[None, KeyIdentity] | None:
        found = super().authenticate(request)
        key = "" if found else self.key_beside_headers(request)
        return self.identified(key) if key else found

    def identified(self, key: str) -> tuple[None, KeyIdentity]:
        """Raises AuthenticationFailed for a key that nobody has."""
        identity = identify(key)
        if identity is None:
            raise AuthenticationFailed("This API key is unknown or revoked.", code="invalid_key")
        return None, identity

    def key_beside_headers(self, request: Request) -> str:
        return request.query_params.get(ACCESS_TOKEN, "").strip()


class BeaconKeyAuthentication(IngestKeyAuthentication):
    """As above, and `writeKey` in a body that a browser sent as `text/plain`."""

    def key_beside_headers(self, request: Request) -> str:
        key = super().key_beside_headers(request)
        if key or not is_beacon(Head(request.META.get("CONTENT_TYPE", ""))):
            return key
        return write_key(inflated(request))

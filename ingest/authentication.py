"""Keys as the specs of foreign formats let clients send them."""

from __future__ import annotations

from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from projects.api.authentication import KeyAuthentication
from projects.keys import KeyIdentity, identify

ACCESS_TOKEN = "access_token"
"""A query parameter by RFC 6750 and the CloudEvents webhook spec; logs drop query strings."""


class IngestKeyAuthentication(KeyAuthentication):
    """`Authorization: Bearer`, `X-API-Key`, or `?access_token=` for clients that can't set headers."""

    def authenticate(self, request: Request) -> tuple[None, KeyIdentity] | None:
        found = super().authenticate(request)
        key = request.query_params.get(ACCESS_TOKEN, "").strip()
        if found or not key:
            return found
        identity = identify(key)
        if identity is None:
            raise AuthenticationFailed("This API key is unknown or revoked.", code="invalid_key")
        return None, identity

"""Segment's HTTP tracking API at the root, where its libraries expect it."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from ingest.authentication import IngestKeyAuthentication
from ingest.foreign_schemas import SEGMENT_ANSWERS, segment_batch_schema, segment_call_schema
from ingest.protocols.base import Batch, FormatError, Refusal
from ingest.protocols.segment.wire import SEGMENT, members_of, write_key
from ingest.reading import inflated
from ingest.views import IngestView, answered, head_of
from projects.api.errors import BadRequest
from projects.keys import KeyIdentity
from storage.records import Outcome


class SegmentAuthentication(IngestKeyAuthentication):
    """The key as write key: also by Basic authentication as the user's name, and as `writeKey` in the body."""

    def authenticate(self, request: Request) -> tuple[None, KeyIdentity] | None:
        scheme, _, credentials = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        if scheme.lower() != "basic":
            return super().authenticate(request)
        return self.identified(_user_of(credentials))

    def key_beside_headers(self, request: Request) -> str:
        key = super().key_beside_headers(request)
        return key or write_key(members_of_request(request))


def _user_of(credentials: str) -> str:
    """The name before the colon that ends it; some libraries forget the colon."""
    try:
        return base64.b64decode(credentials, validate=True).decode().removesuffix(":")
    except (binascii.Error, UnicodeDecodeError):
        raise AuthenticationFailed("The Basic credentials are not base64.", code="invalid_key") from None


def members_of_request(request: Request) -> dict[str, msgspec.Raw]:
    """The members of the body. Raises BadRequest where it is too large or no JSON object."""
    try:
        return members_of(inflated(request, SEGMENT.encodings), head_of(request._request))
    except FormatError as error:
        raise BadRequest(error.detail, code="malformed") from None


class SegmentView(IngestView):
    """What both kinds of paths have in common."""

    authentication_classes = [SegmentAuthentication]
    formats = (SEGMENT,)

    def handle_exception(self, exc: Exception) -> Any:
        is_unknown = isinstance(exc, (AuthenticationFailed, NotAuthenticated))
        if not (is_unknown and settings.SEGMENT_ACCEPT_UNKNOWN_KEYS):
            return super().handle_exception(exc)
        try:
            members_of_request(self.request)
        except BadRequest as error:
            return super().handle_exception(error)
        # As Segment does: said to be fine, kept nowhere. The sources page has it as what it is.
        self.count_refused(self.request, Refusal(401, "invalid_key", "unknown key, answered 200"))
        return answered(SEGMENT.answer(Batch([]), Outcome()))


class SegmentCallView(SegmentView):
    """One call."""

    @extend_schema(tags=["segment"], request=segment_call_schema(), responses=SEGMENT_ANSWERS)
    def post(self, request: Request) -> HttpResponse:
        """One call of Segment's spec: at most 32 KB. The key may come as `writeKey`."""
        return super().post(request)


class SegmentBatchView(SegmentView):
    """Many calls."""

    @extend_schema(tags=["segment"], request=segment_batch_schema(), responses=SEGMENT_ANSWERS)
    def post(self, request: Request) -> HttpResponse:
        """Calls of Segment's spec: at most 2,500 in 500 KB. What is rejected is answered 200 all the same."""
        return super().post(request)

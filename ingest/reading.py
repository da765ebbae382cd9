"""The body of a request: read once, bounded, inflated; what is wrong with it in the API's words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework import status
from rest_framework.exceptions import APIException, UnsupportedMediaType
from rest_framework.request import Request

from ingest.bodies import (
    DEFLATED,
    BodyReader,
    BodyTooLarge,
    BrokenEncoding,
    TooManyReaders,
    UnknownEncoding,
    inflate,
)
from projects.api.errors import BadRequest, Unavailable


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = (
        "Send at most 20 MB, 50 MB after decompression, 10,000 records, "
        "and 50 MB of what records share, in one request."
    )


def sent_body(request: Request) -> bytes:
    """The body as sent, read once: who asks again gets the same bytes. Raises TooLarge or Unavailable."""
    inner: Any = request._request
    if not hasattr(inner, "sent_body"):
        inner.body_was_read = True  # told to the middleware that drains
        try:
            inner.sent_body = BodyReader(request.META).read()
        except BodyTooLarge:
            raise TooLarge from None
        except TooManyReaders:
            raise Unavailable("Too many slow requests; try again.", code="busy") from None
    body: bytes = inner.sent_body
    return body


def sent_byte_count(request: Request) -> int:
    """Bytes of the body, 0 where nobody has read it."""
    return len(getattr(request._request, "sent_body", b""))


def inflated(request: Request, encodings: Iterable[str] = DEFLATED) -> bytes:
    """The body without its Content-Encoding, one of those given. Raises what is answered: 400, 413, 415 or 503."""
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "")
    try:
        return inflate(sent_body(request), encoding, encodings)
    except BodyTooLarge:
        raise TooLarge from None
    except UnknownEncoding as error:
        raise UnsupportedMediaType("", str(error), code="unsupported_encoding") from None
    except BrokenEncoding as error:
        raise BadRequest(str(error), code="broken_encoding") from None

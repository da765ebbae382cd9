"""The front door: API key, size, rate, then the road of a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from rest_framework import status
from rest_framework.exceptions import APIException, UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ingest import pipeline
from ingest.authentication import ACCESS_TOKEN, IngestKeyAuthentication
from ingest.bodies import BodyReader, BodyTooLarge, BrokenEncoding, TooManyReaders, UnknownEncoding, inflate
from ingest.protocols.base import FormatError, Head, Refusal, TooManyRecords, WireFormat
from ingest.turns import turn
from projects.api.authentication import KeyRateThrottle, project_id_of
from projects.api.errors import BadRequest, Unavailable
from projects.api.filters import refuse_parameters
from storage.records import Answer, Receipt, digest_128
from storage.transaction import ReceiptMismatch
from storage.writer import QueueFull, StoreUnavailable

MAX_IDEMPOTENCY_KEY = 200
KEPT_HEADERS = ("Retry-After", "Allow", "WWW-Authenticate")


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = "Send at most 20 MB, 50 MB after decompression, and 10,000 records in one request."


class Mismatch(APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "idempotency_mismatch"
    default_detail = "This Idempotency-Key was used with another body."


class AnyParser(BaseParser):
    """Takes every media type: the view reads the raw stream itself, once it knows the format."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        return {}


class IngestView(APIView):
    """Base of all endpoints that take telemetry: finds the format, reads the body, stores, answers in the format."""

    scopes = {"POST": "ingest"}
    parser_classes = [AnyParser]
    authentication_classes = [IngestKeyAuthentication]
    throttle_classes = [KeyRateThrottle]

    formats: ClassVar[Sequence[WireFormat]]
    """Those spoken at this path; the first that takes a request's head reads it."""

    head: Head
    wire: WireFormat

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before anything can fail: refusals are answered in the format, too.
        self.head = head_of(request)
        found = next((one for one in self.formats if one.takes(self.head)), None)
        self.wire = found or self.formats[0]
        super().initial(request, *args, **kwargs)
        refuse_parameters(request, known=(ACCESS_TOKEN,))
        if found is None:
            raise _unsupported(self.head, self.formats)

    def post(self, request: Request) -> HttpResponse:
        body = inflated(request, self.wire)
        received_at = timezone.now()
        try:
            with turn(len(body)):
                prepared = pipeline.prepare(
                    self.wire.decode(body, self.head), project_id_of(request), received_at
                )
                receipt = _receipt(request, body)
            answer, _ = pipeline.store(prepared, self.wire.answer, receipt)
        except FormatError as error:
            raise BadRequest(error.detail, code="malformed") from None
        except TooManyRecords:
            raise TooLarge from None
        except ReceiptMismatch:
            raise Mismatch from None
        except QueueFull:
            raise Unavailable(
                "The queue is full. Nothing was stored; try again.", code="queue_full"
            ) from None
        except StoreUnavailable:
            raise Unavailable from None
        return _response(answer)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(response, Response):
            response = self._refused(response)
        finished = super().finalize_response(request, response, *args, **kwargs)
        if ACCESS_TOKEN in request.query_params:
            # RFC 6750: a key in a URL must not end up in a shared cache.
            finished["Cache-Control"] = "private"
        return finished

    def _refused(self, response: Response) -> HttpResponse:
        """DRF's answer to an error, put into the words of the format."""
        refusal = Refusal(response.status_code, response.data["code"], response.data["detail"])
        answer = self.wire.refuse(refusal, self.head)
        if answer is None:
            return response
        kept = {name: value for name, value in response.headers.items() if name in KEPT_HEADERS}
        return _response(replace(answer, headers=(*answer.headers, *kept.items())))


def head_of(request: Request) -> Head:
    headers = {name.lower(): value for name, value in request._request.headers.items()}
    return Head(request.META.get("CONTENT_TYPE", ""), headers, request.path)


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


def inflated(request: Request, wire: WireFormat) -> bytes:
    """The body without its Content-Encoding."""
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "")
    try:
        return inflate(sent_body(request), encoding, wire.encodings)
    except BodyTooLarge:
        raise TooLarge from None
    except UnknownEncoding as error:
        raise UnsupportedMediaType("", str(error), code="unsupported_encoding") from None
    except BrokenEncoding as error:
        raise BadRequest(str(error), code="broken_encoding") from None


def _response(answer: Answer) -> HttpResponse:
    return HttpResponse(
        answer.body,
        status=answer.status,
        content_type=answer.content_type,
        headers=dict(answer.headers),
    )


def _unsupported(head: Head, formats: Sequence[WireFormat]) -> UnsupportedMediaType:
    known = ", ".join(dict.fromkeys(name for one in formats for name in one.media_types))
    detail = f"Content-Type {head.media_type[:100]!r} is not supported; send {known}."
    return UnsupportedMediaType(head.media_type, detail)


def _receipt(request: Request, body: bytes) -> Receipt | None:
    key = request.META.get("HTTP_IDEMPOTENCY_KEY", "")
    if not key:
        return None
    if len(key) > MAX_IDEMPOTENCY_KEY or not key.isprintable():
        raise BadRequest("Idempotency-Key must be at most 200 printable characters.", code="invalid")
    return Receipt(project_id_of(request), key, digest_128(request.path.rstrip("/"), body))

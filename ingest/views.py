"""The front door: API key, size, rate, then the road of a record."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from rest_framework import status
from rest_framework.exceptions import APIException, UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.views import APIView

from ingest import pipeline
from ingest.bodies import BodyReader, BodyTooLarge, BrokenEncoding, TooManyReaders, UnknownEncoding, inflate
from ingest.protocols.base import FormatError, TooManyRecords, WireFormat
from ingest.turns import turn
from projects.api.authentication import KeyRateThrottle, project_id_of
from projects.api.errors import BadRequest, Unavailable
from projects.api.filters import refuse_parameters
from storage.records import Receipt, digest_128
from storage.transaction import ReceiptMismatch
from storage.writer import QueueFull, StoreUnavailable

MAX_IDEMPOTENCY_KEY = 200


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
    """Base of all endpoints that take telemetry."""

    scopes = {"POST": "ingest"}
    parser_classes = [AnyParser]
    throttle_classes = [KeyRateThrottle]

    signal: ClassVar[pipeline.Signal]
    wire: ClassVar[WireFormat]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        refuse_parameters(request)

    def post(self, request: Request) -> HttpResponse:
        _check_media_type(request.META.get("CONTENT_TYPE", ""))
        body = self._read(request)
        received_at = timezone.now()
        bounds = pipeline.bounds_of(project_id_of(request), self.signal.kind, received_at)
        try:
            with turn(len(body)):
                prepared = pipeline.prepare(self.signal, self.wire.decode(body), bounds)
                receipt = _receipt(request, body)
            result = pipeline.store(prepared, self.wire.answer, received_at=received_at, receipt=receipt)
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
        return HttpResponse(result.body, status=result.status, content_type="application/json")

    def _read(self, request: Request) -> bytes:
        encoding = request.META.get("HTTP_CONTENT_ENCODING", "")
        request._request.body_was_read = True  # type: ignore[attr-defined]  # told to the middleware that drains
        try:
            return inflate(BodyReader(request.META).read(), encoding)
        except BodyTooLarge:
            raise TooLarge from None
        except TooManyReaders:
            raise Unavailable("Too many slow requests; try again.", code="busy") from None
        except UnknownEncoding as error:
            raise UnsupportedMediaType("", str(error)) from None
        except BrokenEncoding as error:
            raise BadRequest(str(error), code="broken_encoding") from None


def _check_media_type(content_type: str) -> None:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in ("", "application/json") and not media_type.endswith("+json"):
        detail = f"Content-Type {media_type[:100]!r} is not supported; send application/json."
        raise UnsupportedMediaType(media_type, detail)


def _receipt(request: Request, body: bytes) -> Receipt | None:
    key = request.META.get("HTTP_IDEMPOTENCY_KEY", "")
    if not key:
        return None
    if len(key) > MAX_IDEMPOTENCY_KEY or not key.isprintable():
        raise BadRequest("Idempotency-Key must be at most 200 printable characters.", code="invalid")
    return Receipt(project_id_of(request), key, digest_128(request.path.rstrip("/"), body))

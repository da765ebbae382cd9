"""The front door: API key, size, rate, then the road of a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework import status
from rest_framework.exceptions import APIException, UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ingest import cors, pipeline
from ingest.authentication import ACCESS_TOKEN, IngestKeyAuthentication
from ingest.browser_keys import FromAllowedOrigin, keep_allowed_events
from ingest.protocols.base import Batch, FormatError, Head, Refusal, TooManyRecords, WireFormat
from ingest.reading import TooLarge, inflated, sent_byte_count
from ingest.sources import gathering, samples, tallies
from ingest.turns import turn
from projects.api.authentication import HasScope, KeyRateThrottle, identity_of, project_id_of
from projects.api.errors import BadRequest, Unavailable
from projects.api.filters import refuse_parameters
from projects.keys import KeyIdentity
from storage.records import Answer, Outcome, Receipt, digest_128
from storage.transaction import ReceiptMismatch
from storage.writer import QueueFull, StoreUnavailable

MAX_IDEMPOTENCY_KEY = 200
KEPT_HEADERS = ("Retry-After", "X-RateLimit-Reset", "Allow", "WWW-Authenticate")


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
    permission_classes = [HasScope, FromAllowedOrigin]
    throttle_classes = [KeyRateThrottle]

    formats: ClassVar[Sequence[WireFormat]]
    """Those spoken at this path; the first that takes a request's head reads it."""

    head: Head
    wire: WireFormat
    format_name = tallies.UNKNOWN_FORMAT
    identity: KeyIdentity | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """OPTIONS needs no key: browsers and CloudEvents' senders ask before they send one."""
        if request.method == "OPTIONS":
            headers = head_of(request).headers
            return HttpResponse(status=204, headers={**cors.preflight(headers), **self.consent(headers)})
        return super().dispatch(request, *args, **kwargs)

    def consent(self, headers: Mapping[str, str]) -> dict[str, str]:
        """More headers for the answer to OPTIONS, where a format has its own question."""
        return {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before anything can fail: refusals are answered in the format, too.
        self.head = head_of(request._request)
        found = next((one for one in self.formats if one.takes(self.head)), None)
        self.wire = found or self.formats[0]
        if found:
            self.format_name = found.name
        super().initial(request, *args, **kwargs)
        refuse_parameters(request, known=(ACCESS_TOKEN,))
        if found is None:
            raise _unsupported(self.head, self.formats)

    def perform_authentication(self, request: Request) -> None:
        super().perform_authentication(request)
        self.identity = identity_of(request)

    def post(self, request: Request) -> HttpResponse:
        body = inflated(request, self.wire.encodings)
        received_at = timezone.now()
        try:
            with turn(len(body)):
                batch = self._decoded(body)
                prepared = pipeline.prepare(batch, project_id_of(request), received_at)
                receipt = _receipt(request, body, batch.identity)
            answer, outcome = pipeline.store(prepared, self.wire.answer, receipt)
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
        self._count_stored(request, batch, body, outcome)
        return answered(answer)

    def _decoded(self, body: bytes) -> Batch:
        """The records of the body, as far as the key may send them."""
        batch = self.wire.decode(body, self.head)
        if self.identity and self.identity.is_browser:
            KeyRateThrottle.pay_for_records(self.identity, batch.all_count)
            keep_allowed_events(batch, self.identity)
        return batch

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(response, Response):
            response = self._refused(request, response)
        finished = super().finalize_response(request, response, *args, **kwargs)
        if ACCESS_TOKEN in request.query_params:
            # RFC 6750: a key in a URL must not end up in a shared cache.
            finished["Cache-Control"] = "private"
        for name, value in cors.answer_headers(self.head.headers.get("origin", ""), self.identity).items():
            finished[name] = value
        return finished

    def _refused(self, request: Request, response: Response) -> HttpResponse:
        """DRF's answer to an error, counted and put into the words of the format."""
        refusal = Refusal(response.status_code, response.data["code"], response.data["detail"])
        self.count_refused(request, refusal)
        answer = self.wire.refuse(refusal, self.head)
        if answer is None:
            return response
        kept = {name: value for name, value in response.headers.items() if name in KEPT_HEADERS}
        return answered(replace(answer, headers=(*answer.headers, *kept.items())))

    def _place(self, request: Request, at: datetime) -> tallies.Place:
        project_id, key_id = (self.identity.project_id, self.identity.key_id) if self.identity else (0, 0)
        source = tallies.Source(project_id, key_id, self.format_name, request.path.rstrip("/"))
        return tallies.place_of(source, at)

    def _count_stored(self, request: Request, batch: Batch, body: bytes, outcome: Outcome) -> None:
        at = timezone.now()
        place = self._place(request, at)
        known = gathering.gathered.known(place) if outcome.errors else frozenset()
        excerpts = partial(samples.excerpts, self.wire, batch, body, self.head)
        tally = tallies.stored(outcome, sent_byte_count(request), at, known, excerpts)
        gathering.note(place, tally)

    def count_refused(self, request: Request, refusal: Refusal) -> None:
        """For the page of sources: also where a format answers a refusal as if it were none."""
        at = timezone.now()
        gathering.note(self._place(request, at), tallies.refused(refusal, sent_byte_count(request), at))


def head_of(request: HttpRequest) -> Head:
    headers = {name.lower(): value for name, value in request.headers.items()}
    content_type, address = request.META.get("CONTENT_TYPE", ""), request.META.get("REMOTE_ADDR", "")
    return Head(content_type, headers, request.path, address)


def answered(answer: Answer) -> HttpResponse:
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


def _receipt(request: Request, body: bytes, identity: bytes) -> Receipt | None:
    key = request.META.get("HTTP_IDEMPOTENCY_KEY", "")
    if not key:
        return None
    if len(key) > MAX_IDEMPOTENCY_KEY or not key.isprintable():
        raise BadRequest("Idempotency-Key must be at most 200 printable characters.", code="invalid")
    # Most formats have no identity: their receipts stay what they were.
    parts = (body, identity) if identity else (body,)
    return Receipt(project_id_of(request), key, digest_128(request.path.rstrip("/"), *parts))

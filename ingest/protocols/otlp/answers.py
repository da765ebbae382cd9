"""OTLP's answers: success, partial success, and google.rpc.Status for a refusal, in the request's encoding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.code_pb2 import (
    INVALID_ARGUMENT,
    NOT_FOUND,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    UNAUTHENTICATED,
    UNAVAILABLE,
    UNIMPLEMENTED,
    UNKNOWN,
)
from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status

from ingest.protocols.base import Refusal
from storage.records import Answer, RecordError

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

MAX_REASONS = 5
"""Of rejected records, in the words of a partial success."""

_CODES: Mapping[int, int] = {
    400: INVALID_ARGUMENT,
    401: UNAUTHENTICATED,
    403: PERMISSION_DENIED,
    404: NOT_FOUND,
    405: UNIMPLEMENTED,
    413: INVALID_ARGUMENT,
    415: INVALID_ARGUMENT,
    429: RESOURCE_EXHAUSTED,
    503: UNAVAILABLE,
}
"""HTTP status -> the gRPC code that means the same."""


def success(response: Any, rejected_field: str, rejected: int, message: str, *, as_json: bool) -> Answer:
    """200, with nothing in it where all is stored and there is nothing to say.

    `response` is an empty message of the answer, `rejected_field` the name of its count.
    """
    if not as_json:
        if rejected or message:
            partial = response.partial_success
            setattr(partial, rejected_field, rejected)
            partial.error_message = message
        return Answer(200, response.SerializeToString(), PROTOBUF)
    body: dict[str, Any] = {}
    if rejected or message:
        json_name = response.partial_success.DESCRIPTOR.fields_by_name[rejected_field].json_name
        # A 64-bit integer travels as text.
        body["partialSuccess"] = ({json_name: str(rejected)} if rejected else {}) | {"errorMessage": message}
    return Answer(200, msgspec.json.encode(body), JSON)


def reasons(errors: Sequence[RecordError], rejected: int, sent: int, noun: str) -> str:
    """What was rejected and why, or what was left out beside records that are all stored.

    `errors` are in the order of their places; those from `sent` on belong to no record.
    """
    if not errors:
        return ""
    counted = [error for error in errors if error.index < sent]
    first = "; ".join(f"{noun} {error.index}: {error.message}" for error in counted[:MAX_REASONS])
    more = f"; and {len(counted) - MAX_REASONS} more" if len(counted) > MAX_REASONS else ""
    if not rejected:
        return f"All {noun} were stored, but something beside them was not: {errors[0].message}"
    beside = errors[len(counted) :]
    also = f"; something beside them was not stored: {beside[0].message}" if beside else ""
    return f"{rejected} of {sent} {noun} were rejected: {first}{more}{also}"


def refused(refusal: Refusal, *, as_json: bool) -> Answer:
    """A Status. For what can't be decoded its details say the same in a BadRequest."""
    code = _CODES.get(refusal.status, UNKNOWN)
    if as_json:
        body: dict[str, Any] = {"code": code, "message": refusal.detail}
        if refusal.status == 400:
            violation = {"description": refusal.detail, "reason": refusal.code}
            kind = "type.googleapis.com/google.rpc.BadRequest"
            body["details"] = [{"@type": kind, "fieldViolations": [violation]}]
        return Answer(refusal.status, msgspec.json.encode(body), JSON)
    status = Status(code=code, message=refusal.detail)
    if refusal.status == 400:
        violations = [BadRequest.FieldViolation(description=refusal.detail, reason=refusal.code)]
        detail = AnyMessage()
        detail.Pack(BadRequest(field_violations=violations))
        status.details.append(detail)
    return Answer(refusal.status, status.SerializeToString(), PROTOBUF)

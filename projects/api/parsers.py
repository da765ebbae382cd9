"""JSON bodies of settings and questions, refused in words where Python's own parser would let them through to a 500."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

import msgspec
from rest_framework.exceptions import APIException
from rest_framework.parsers import BaseParser

from projects.api.errors import BadRequest

MAX_BODY_BYTES = 1_000_000


class BodyTooLarge(APIException):
    status_code = 413
    default_code = "too_large"


class StrictJsonParser(BaseParser):
    """No NaN, no lone surrogates, no bottomless nesting: none of them could be stored or answered."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge(f"The body has more than {MAX_BODY_BYTES} bytes.")
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadRequest(f"The body is not JSON: {error}.", code="invalid_json") from None

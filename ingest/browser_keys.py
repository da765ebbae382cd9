"""What a browser key may send: anybody can copy it out of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ingest import cors
from ingest.protocols.base import COUNTED, Batch, Decoded
from projects.api.authentication import identity_of
from projects.keys import KeyIdentity
from storage.records import RecordError

if TYPE_CHECKING:
    from rest_framework.views import APIView

CODE = "event_name_not_allowed"


class FromAllowedOrigin(BasePermission):
    """The request comes from a page that the key is for."""

    code = "origin_not_allowed"

    def has_permission(self, request: Request, view: APIView) -> bool:
        identity = identity_of(request)
        origin = request.META.get("HTTP_ORIGIN", "")
        shown = f"origin {origin[:100]!r}" if origin else "requests without an origin"
        self.message = f"This browser key is not for {shown}."
        return identity is None or cors.is_allowed(origin, identity)


def keep_allowed_events(batch: Batch, identity: KeyIdentity) -> None:
    """Make an error of each record that the key may not send; nothing to do for keys without a list of names."""
    allowed = identity.allowed_event_names
    if not allowed:
        return
    refused: set[int] = set()
    for part in batch.parts:
        if part.signal == "events":
            refused |= _keep_named(part, allowed)
        elif part.signal in COUNTED:
            _refuse_all(part)
        elif part.signal != "identities":
            part.records = []
    for part in batch.parts:
        if part.signal == "identities":
            part.records = [(index, record) for index, record in part.records if index not in refused]


def _keep_named(part: Decoded[Any], allowed: frozenset[str]) -> set[int]:
    """Returns the places of the others."""
    kept, refused = [], set()
    for index, record in part.records:
        if record.event_name in allowed:
            kept.append((index, record))
        else:
            refused.add(index)
            message = f"this key may not send the event {record.event_name[:200]!r}"
            part.errors.append(RecordError(index, "event_name", CODE, message))
    part.records = kept
    return refused


def _refuse_all(part: Decoded[Any]) -> None:
    message = "this key may only send events of some names"
    part.errors += [RecordError(index, "", CODE, message) for index, _ in part.records]
    part.records = []

"""What was done in the inbox, signed for who did it, so that it can be taken back within the hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core import signing

KEPT_SECONDS = 3600
_SALT = "alerting.inbox.undo"


@dataclass(frozen=True, slots=True)
class Undo:
    """Silences that were made; or owners that alerts had before all of them were given to `assignee`."""

    silence_ids: Sequence[int] = ()
    owners_before: Mapping[UUID, str] | None = None
    assignee: str = ""

    def sign(self, user_id: int) -> str:
        owners = {str(pk): name for pk, name in (self.owners_before or {}).items()}
        fields = [user_id, list(self.silence_ids), owners, self.assignee]
        return signing.dumps(fields, salt=_SALT, compress=True)


def read(token: str, user_id: int) -> Undo | None:
    """None where it is forged, too old, or somebody else's."""
    try:
        fields: list[Any] = signing.loads(token, salt=_SALT, max_age=KEPT_SECONDS)
    except signing.BadSignature:
        return None
    signer, silence_ids, owners, assignee = fields
    if signer != user_id:
        return None
    return Undo(silence_ids, {UUID(pk): name for pk, name in owners.items()}, assignee)

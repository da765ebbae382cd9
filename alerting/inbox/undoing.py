"""What was done in the inbox, signed for who did it, so that it can be taken back within the hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core import signing

KEPT_SECONDS = 3600
_SALT = "alerting.inbox.undo"


@dataclass(frozen=True, slots=True)
class Undo:
    """Silences that were made or lengthened; or owners that alerts had before all were given to `assignee`.

    `ends_before`: of each that was lengthened, when it would have ended, and the end it was given.
    """

    silence_ids: Sequence[int] = ()
    ends_before: Mapping[int, tuple[datetime, datetime]] = field(default_factory=dict)
    owners_before: Mapping[UUID, str] | None = None
    assignee: str = ""

    def sign(self, user_id: int) -> str:
        owners = {str(pk): name for pk, name in (self.owners_before or {}).items()}
        ends = {
            pk: [before.isoformat(), given.isoformat()] for pk, (before, given) in self.ends_before.items()
        }
        fields = [user_id, list(self.silence_ids), owners, self.assignee, ends]
        return signing.dumps(fields, salt=_SALT, compress=True)


def read(token: str, user_id: int) -> Undo | None:
    """None where it is forged, too old, or somebody else's."""
    try:
        fields: list[Any] = signing.loads(token, salt=_SALT, max_age=KEPT_SECONDS)
    except signing.BadSignature:
        return None
    signer, silence_ids, owners, assignee, *others = fields
    if signer != user_id:
        return None
    # A token from before an upgrade knows nothing of ends.
    ends = {int(pk): _moments(pair) for one in others for pk, pair in one.items()}
    return Undo(silence_ids, ends, {UUID(pk): name for pk, name in owners.items()}, assignee)


def _moments(pair: Sequence[str]) -> tuple[datetime, datetime]:
    before, given = map(datetime.fromisoformat, pair)
    return before, given

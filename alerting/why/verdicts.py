"""What the messages of an alert come to: told or not, and why. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alerting.models import NotificationStatus, Purpose, Status
from alerting.why.answers import MessageAnswer, Outcome, PlaceAnswer, Verdict

ABOUT_FIRING = frozenset({Purpose.FIRING, Purpose.REPEAT, Purpose.RAISED})
_OUTCOMES: dict[str, Outcome] = {
    NotificationStatus.SENT: "told",
    NotificationStatus.MUTED: "muted",
    NotificationStatus.GAVE_UP: "failed",
    NotificationStatus.PENDING: "waiting",
    NotificationStatus.SENDING: "waiting",
    NotificationStatus.FAILED: "waiting",
}
_COUNTED: tuple[tuple[Outcome, str], ...] = (
    ("told", "told"),
    ("waiting", "waiting"),
    ("muted", "muted"),
    ("failed", "could not be told"),
)


def place_outcome(messages: Sequence[MessageAnswer]) -> tuple[Outcome, str]:
    """Whether a place knows that the alert fires, and why; `messages` in the order they were written.

    Once told it stays told: a reminder that was muted takes nothing back.
    """
    firing = [one for one in messages if one["purpose"] in ABOUT_FIRING]
    decisive = [one for one in firing if one["status"] == NotificationStatus.SENT][:1] or firing[-1:]
    if not decisive:
        return _OUTCOMES[messages[-1]["status"]], reason_of(messages[-1])
    return _OUTCOMES[decisive[0]["status"]], reason_of(decisive[0])


def reason_of(message: MessageAnswer) -> str:
    """Why a message is where it is, in words."""
    if message["status"] in {NotificationStatus.FAILED, NotificationStatus.GAVE_UP}:
        return message["error"] or message["reason"]
    if message["reason"]:
        return message["reason"]
    if message["muted_by"]:
        return f"muted by {message['muted_by']['name']}"
    return "waits for its turn" if message["status"] == NotificationStatus.PENDING else ""


@dataclass(frozen=True, slots=True)
class Episode:
    """What else a verdict rests on. `has_places`: the rule has channels or addresses now."""

    status: str
    has_fired: bool
    has_places: bool
    for_seconds: float


def verdict(episode: Episode, places: Sequence[PlaceAnswer]) -> Verdict:
    """Was anybody told? One sentence, with the reason where nobody was."""
    if places:
        outcomes = [place["outcome"] for place in places]
        counts = [f"{outcomes.count(outcome)} {words}" for outcome, words in _COUNTED if outcome in outcomes]
        best = next(outcome for outcome, _ in _COUNTED if outcome in outcomes)
        text = f"Of {_places(len(places))}: {', '.join(counts)}."
        return Verdict(outcome=best, text=text if best == "told" else f"Nobody was told. {text}")
    return Verdict(outcome="nobody", text=_silence(episode))


def _places(count: int) -> str:
    return "1 place" if count == 1 else f"{count} places"


def _silence(episode: Episode) -> str:
    """Why there is not one message."""
    if episode.status == Status.PENDING:
        held = (
            f" The condition has to hold for {episode.for_seconds:g} s first." if episode.for_seconds else ""
        )
        return f"Nobody was told yet: a pending alert sends nothing.{held}"
    if not episode.has_fired:
        return "Nobody was told: the alert never fired."
    later = " It has some now: they hear of the next alert." if episode.has_places else ""
    return f"Nobody was told: no channel and no address was there to tell when it fired.{later}"

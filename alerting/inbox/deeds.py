"""What people do to several alerts at once: one transition each, one transaction each, and words for what was done.

One alert that somebody else was faster with doesn't undo the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from uuid import UUID

from django.db import transaction

from alerting import actions
from alerting.inbox.undoing import Undo
from alerting.models import Alert, Silence
from alerting.policy import silences
from alerting.policy.silences import Silenced

DURATIONS = {
    "30": ("30 min", timedelta(minutes=30)),
    "120": ("2 h", timedelta(hours=2)),
    "480": ("8 h", timedelta(hours=8)),
    "1440": ("1 d", timedelta(days=1)),
}
UNTIL = "until"
LONGEST = timedelta(days=3660)

Act = Callable[..., Alert]


class CanNot(ValueError):
    """What was asked for was not done; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Done:
    """What was done in words, and how it can be taken back, where that is possible."""

    text: str
    undo: Undo | None = None


@dataclass(frozen=True, slots=True)
class SilenceUntil:
    """`words` say how long: "for 2 h", "until 2026-01-31 14:30" by the clock of who does it.

    `kept_words` say it to everybody who reads the timeline later, in UTC.
    """

    ends_at: datetime
    words: str
    kept_words: str


def silence_until(lasts: str, until: str, now: datetime, zone: tzinfo) -> SilenceUntil:
    """From a key of DURATIONS, or UNTIL and a time as `<input type="datetime-local">` has it. Raises CanNot."""
    if lasts in DURATIONS:
        words, duration = DURATIONS[lasts]
        return SilenceUntil(now + duration, f"for {words}", f"for {words}")
    if lasts != UNTIL:
        raise CanNot("Say how long: nothing was silenced.")
    try:
        entered = datetime.fromisoformat(until)
        end = entered.replace(tzinfo=zone) if entered.tzinfo is None else entered
        is_ahead = end > now
    except (ValueError, OverflowError):
        raise CanNot("Say until when, like 2026-01-31T14:30: nothing was silenced.") from None
    if not is_ahead:
        raise CanNot("The end of a silence lies in the future: nothing was silenced.")
    if end - now > LONGEST:
        raise CanNot("A silence lasts at most ten years: nothing was silenced.")
    kept_words = f"until {end.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return SilenceUntil(end, f"until {end:%Y-%m-%d %H:%M}", kept_words)


def act_on(alerts: Sequence[Alert], act: Act, done: str, *, actor: str, now: datetime) -> Done:
    """Acknowledge or resolve each of them; `done` is the word for it."""
    handled: list[str] = []
    acted: list[Alert] = []
    for alert in alerts:
        try:
            acted.append(act(alert.pk, actor=actor, now=now))
        except actions.AlreadyHandled as error:
            handled.append(str(error))
        except Alert.DoesNotExist:
            handled.append("An alert that was only pending has cleared.")
    said = [f"{done} {_what(acted)}."] if acted else []
    return Done(" ".join([*said, *_counted(handled)]))


def assign(alerts: Sequence[Alert], username: str, *, actor: str, now: datetime) -> Done:
    """Give them an owner, or with "" none. Raises CanNot where nobody of this name sees the project."""
    before = {alert.pk: alert.assigned_to.get_username() if alert.assigned_to else "" for alert in alerts}
    assigned: list[Alert] = []
    for alert in alerts:
        try:
            assigned.append(actions.assign(alert.pk, assignee_username=username, actor=actor, now=now))
        except actions.UnknownAssignee as error:
            raise CanNot(str(error)) from None
        except Alert.DoesNotExist:
            before.pop(alert.pk)
    if not assigned:
        return Done("Nothing was assigned: what was only pending has cleared.")
    text = (
        f"Assigned {_what(assigned)} to {username}." if username else f"Took the owner off {_what(assigned)}."
    )
    return Done(text, Undo(owners_before=before, assignee=username))


def silence(alerts: Sequence[Alert], lasts: SilenceUntil, *, comment: str, actor: str, now: datetime) -> Done:
    """A silence for each, so that none hides more than was chosen, and a note in each timeline. Raises CanNot.

    What is silenced already stays so at least as long as said.
    """
    done: list[tuple[Alert, Silenced]] = []
    problem = ""
    for alert in alerts:
        try:
            with transaction.atomic():
                done.append((alert, _silence_one(alert, lasts, comment, actor, now)))
        except silences.SilenceError as error:
            problem = str(error)
            break
    if not done:
        raise CanNot(problem)
    left_out = len(alerts) - len(done)
    said = [
        *_silenced_words(done, lasts),
        *([f"{left_out} were left as they are. {problem}"] if problem else []),
    ]
    return Done(" ".join(said), _undo_of([one for _, one in done]))


def _silence_one(alert: Alert, lasts: SilenceUntil, comment: str, actor: str, now: datetime) -> Silenced:
    duration = lasts.ends_at - now
    why = comment or "No reason given."
    done = silences.silence_alert(alert, duration=duration, author=actor, comment=why, now=now)
    if done.is_changed:
        note = f"silenced {lasts.kept_words}: {comment}" if comment else f"silenced {lasts.kept_words}"
        # A pending alert may have cleared meanwhile; its silence holds for those to come.
        with suppress(Alert.DoesNotExist):
            actions.add_note(alert.pk, note=note, actor=actor, now=now)
    return done


def _silenced_words(done: Sequence[tuple[Alert, Silenced]], lasts: SilenceUntil) -> list[str]:
    changed = [alert for alert, one in done if one.is_changed]
    unchanged = [alert for alert, one in done if not one.is_changed]
    said = [f"Silenced {_what(changed)} {lasts.words}."] if changed else []
    if unchanged:
        were = "was" if len(unchanged) == 1 else "were"
        said.append(f"{_what(unchanged)} {were} silenced for longer already.")
    return said


def _undo_of(done: Sequence[Silenced]) -> Undo | None:
    """Just what was done here: what was silenced for longer before stays so."""
    made = [one.silence.pk for one in done if one.is_new]
    lengthened = {one.silence.pk: (one.ended_before, one.silence.ends_at) for one in done if one.ended_before}
    return Undo(silence_ids=made, ends_before=lengthened) if made or lengthened else None


def take_back(
    undo: Undo, alerts: Sequence[Alert], found: Iterable[Silence], *, actor: str, now: datetime
) -> Done:
    """End silences that were made, let others end when they would have, give alerts back to their owner before.

    What somebody has changed since stays.
    """
    ended = shortened = 0
    for one in found:
        if one.pk in undo.ends_before:
            shortened += silences.take_back_end(one, *undo.ends_before[one.pk], now)
        elif silences.state_of(one, now) != "expired":
            silences.expire(one, now)
            ended += 1
    given_back = sum(_is_given_back(alert, undo, actor, now) for alert in alerts)
    said = []
    if ended:
        said.append(f"Ended {_counted_noun(ended, 'silence')}.")
    if shortened:
        said.append(f"Gave {_counted_noun(shortened, 'silence')} the former end back.")
    if given_back:
        said.append(f"Gave back {_counted_noun(given_back, 'alert')}.")
    return Done(" ".join(said) or "There was nothing left to take back.")


def _is_given_back(alert: Alert, undo: Undo, actor: str, now: datetime) -> bool:
    owner = alert.assigned_to.get_username() if alert.assigned_to else ""
    before = (undo.owners_before or {})[alert.pk]
    if owner != undo.assignee or owner == before:
        return False
    return _give_back(alert.pk, before, actor, now)


def _counted_noun(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count > 1 else ''}"


def _give_back(alert_id: UUID, username: str, actor: str, now: datetime) -> bool:
    try:
        actions.assign(alert_id, assignee_username=username, actor=actor, now=now)
    except (actions.UnknownAssignee, Alert.DoesNotExist):
        return False
    return True


def _what(alerts: Sequence[Alert]) -> str:
    return alerts[0].rule_name if len(alerts) == 1 else f"{len(alerts):,} alerts"


def _counted(messages: Sequence[str]) -> list[str]:
    """Each message once, with the number of alerts it holds for."""
    counts = {message: messages.count(message) for message in messages}
    return [f"{count:,} times: {message}" if count > 1 else message for message, count in counts.items()]

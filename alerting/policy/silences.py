"""Silences: who may not be woken by what, from when to when, and why.

The state is computed from the time. A silence is expired, never deleted; other matchers make another silence that
names the one it replaces, so that the past stays readable.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db import transaction
from django.db.models import Q

from alerting.models import OPEN_STATUSES, Alert, Silence
from alerting.policy.matchers import (
    Matcher,
    MatcherError,
    Matchers,
    all_match,
    facts_of,
    match_everything,
    name_of,
    parse_all,
)
from alerting.policy.muting import look_again
from projects.models import Project

State = Literal["pending", "active", "expired"]

MAX_RUNNING = 2_000
"""Silences of a project that haven't expired: each is matched against every alert that is told."""

PREVIEW_DAYS = 7
PREVIEW_LISTED = 50
PREVIEW_LOOKED_AT = 20_000
"""Alerts a preview looks at, newest first: it answers while somebody types."""


class SilenceError(ValueError):
    """A silence that can't be made or changed: one message per field."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Preview:
    """What matchers hide: open alerts now, and alerts that fired in the last days. The first 50 of each are listed."""

    open_count: int
    open_alerts: Sequence[Alert]
    recent_count: int
    recent_alerts: Sequence[Alert]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Silenced:
    """The silence that keeps an alert quiet: made for it, or one that ran already.

    `ended_before` is when that one would have ended, where it lasts longer now.
    """

    silence: Silence
    is_new: bool = False
    ended_before: datetime | None = None

    @property
    def is_changed(self) -> bool:
        return self.is_new or self.ended_before is not None


def state_of(silence: Silence, now: datetime) -> State:
    if silence.ends_at <= now:
        return "expired"
    return "pending" if silence.starts_at > now else "active"


def in_state(state: str, now: datetime) -> Q:
    """The condition on silences of a state."""
    if state == "expired":
        return Q(ends_at__lte=now)
    return (
        Q(ends_at__gt=now, starts_at__gt=now)
        if state == "pending"
        else Q(ends_at__gt=now, starts_at__lte=now)
    )


def check_matchers(texts: Iterable[str]) -> Matchers:
    """Raises SilenceError where they can't be read or would hide every alert."""
    try:
        matchers = parse_all(texts)
    except MatcherError as error:
        raise SilenceError({"matchers": str(error)}) from None
    if match_everything(matchers):
        raise SilenceError({"matchers": "At least one matcher must not match the empty text."})
    return matchers


def create(
    *,
    project_id: int,
    matchers: Sequence[str],
    starts_at: datetime,
    ends_at: datetime,
    author: str,
    comment: str,
    now: datetime,
    replaces: Silence | None = None,
) -> Silence:
    """Raises SilenceError."""
    written = [str(matcher) for matcher in check_matchers(matchers)]
    if ends_at <= max(starts_at, now):
        raise SilenceError({"ends_at": "Must lie after the start, and in the future."})
    if not comment.strip():
        raise SilenceError({"comment": "Say why, for those who wonder."})
    running = Silence.objects.filter(project=project_id, ends_at__gt=now).order_by()
    if replaces is None and len(running.values_list("pk")[:MAX_RUNNING]) == MAX_RUNNING:
        raise SilenceError(
            {"matchers": f"There are {MAX_RUNNING:,} silences that haven't expired: end some first."}
        )
    return Silence.objects.create(
        project_id=project_id,
        matchers=written,
        starts_at=starts_at,
        ends_at=ends_at,
        author=author,
        comment=comment,
        replaces=replaces,
    )


def edit(
    silence: Silence,
    *,
    matchers: Sequence[str],
    starts_at: datetime,
    ends_at: datetime,
    author: str,
    comment: str,
    now: datetime,
) -> Silence:
    """The silence as changed: another one where it means other alerts, or begins at another time than one that runs.

    Raises SilenceError.
    """
    with transaction.atomic():
        stored = Silence.objects.select_for_update().get(pk=silence.pk)
        state = state_of(stored, now)
        if state == "expired":
            raise SilenceError({"ends_at": "It has expired: make a new one."})
        written = [str(matcher) for matcher in check_matchers(matchers)]
        if written == stored.matchers and (state == "pending" or starts_at == stored.starts_at):
            return _change(stored, starts_at, ends_at, comment, now)
        changed = create(
            project_id=stored.project_id,
            matchers=written,
            starts_at=max(starts_at, now),
            ends_at=ends_at,
            author=author,
            comment=comment,
            now=now,
            replaces=stored,
        )
        expire(stored, now)
        return changed


def _change(stored: Silence, starts_at: datetime, ends_at: datetime, comment: str, now: datetime) -> Silence:
    if ends_at <= max(starts_at, now):
        raise SilenceError({"ends_at": "Must lie after the start, and in the future."})
    stored.starts_at, stored.ends_at, stored.comment = starts_at, ends_at, comment
    stored.save(update_fields=["starts_at", "ends_at", "comment"])
    look_again(stored.project_id, now)
    return stored


def expire(silence: Silence, now: datetime) -> None:
    """End it now; what it muted and still fires is told at once. Nothing happens to one that has ended."""
    with transaction.atomic():
        ended = Silence.objects.filter(pk=silence.pk, ends_at__gt=now)
        if ended.update(ends_at=now):
            ended.model.objects.filter(pk=silence.pk, starts_at__gt=now).update(starts_at=now)
            look_again(silence.project_id, now)
    silence.refresh_from_db()


def silence_alert(
    alert: Alert,
    *,
    duration: timedelta,
    author: str,
    comment: str,
    now: datetime,
    starts_at: datetime | None = None,
) -> Silenced:
    """Keep this alert quiet, and its later episodes, for so long: a silence that runs for it already lasts longer then.

    `starts_at` is now, unless a click took a while to come. Raises SilenceError.
    """
    starts_at = starts_at or now
    ends_at = starts_at + duration
    with transaction.atomic():
        # Of two people who press the button at once the second finds the silence of the first.
        list(Alert.objects.select_for_update().filter(pk=alert.pk).values_list("pk"))
        matchers = [str(matcher) for matcher in check_matchers(matchers_for([alert]))]
        if running := _running(alert.project_id, matchers, now):
            return _lengthened(running, ends_at, now)
        made = create(
            project_id=alert.project_id,
            matchers=matchers,
            starts_at=starts_at,
            ends_at=ends_at,
            author=author,
            comment=comment,
            now=now,
        )
        return Silenced(made, is_new=True)


def _lengthened(running: Silence, ends_at: datetime, now: datetime) -> Silenced:
    before = running.ends_at
    if before >= ends_at:
        return Silenced(running)
    return Silenced(_change(running, running.starts_at, ends_at, running.comment, now), ended_before=before)


def _running(project_id: int, matchers: Sequence[str], now: datetime) -> Silence | None:
    """The silence with just these matchers that holds now and lasts longest."""
    same = Silence.objects.filter(project=project_id, matchers=matchers, starts_at__lte=now, ends_at__gt=now)
    return same.order_by("-ends_at", "-pk").select_for_update().first()


def take_back_end(silence: Silence, before: datetime, given: datetime, now: datetime) -> bool:
    """Let it end at `before` again, unless somebody has changed the end `given` to it since; whether that was done."""
    with transaction.atomic():
        stored = Silence.objects.select_for_update().get(pk=silence.pk)
        if stored.ends_at != given:
            return False
        if before <= now:
            expire(stored, now)
        else:
            _change(stored, stored.starts_at, before, stored.comment, now)
        return True


def matchers_for(alerts: Sequence[Alert]) -> list[str]:
    """The narrowest matchers that hold for all of these alerts: their rule or rules, and the labels they share."""
    rules = sorted({alert.rule_name for alert in alerts})
    if len(rules) == 1:
        named = Matcher("rule", "=", rules[0])
    else:
        named = Matcher("rule", "=~", "|".join(re2_escape(rule) for rule in rules))
    first, *others = alerts
    shared = [
        Matcher(name_of(name), "=", str(value))
        for name, value in sorted(first.labels.items())
        if all(alert.labels.get(name) == value for alert in others)
    ]
    return [str(matcher) for matcher in (named, *shared)]


def re2_escape(text: str) -> str:
    """The text as a regular expression that matches it alone."""
    return "".join(one if one.isalnum() or one in " _-" else f"\\{one}" for one in text)


def preview(matchers: Matchers, project: Project, now: datetime) -> Preview:
    """What these matchers hide now, and what they would have hidden of the alerts that fired in the last 7 days."""
    alerts = Alert.objects.filter(project=project).select_related("project", "assigned_to")
    alerts = alerts.order_by("-pending_since", "-id")
    open_alerts = list(alerts.filter(status__in=OPEN_STATUSES)[:PREVIEW_LOOKED_AT])
    since = now - timedelta(days=PREVIEW_DAYS)
    recent = list(alerts.filter(pending_since__gte=since, triggered_at__isnull=False)[:PREVIEW_LOOKED_AT])
    hidden_now = _matching(open_alerts, matchers, project)
    hidden_lately = _matching(recent, matchers, project)
    return Preview(
        open_count=len(hidden_now),
        open_alerts=hidden_now[:PREVIEW_LISTED],
        recent_count=len(hidden_lately),
        recent_alerts=hidden_lately[:PREVIEW_LISTED],
        is_cut=PREVIEW_LOOKED_AT in {len(open_alerts), len(recent)},
    )


def _matching(alerts: Iterable[Alert], matchers: Matchers, project: Project) -> list[Alert]:
    return [
        alert
        for alert in alerts
        if all_match(
            matchers,
            facts_of(alert.labels, rule=alert.rule_name, severity=alert.severity, project=project.slug),
        )
    ]

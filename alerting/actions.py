"""What people do to an alert. Each writes a transition with the actor, in the same transaction."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from alerting.channels.base import Action
from alerting.models import Alert, Status, Transition, TransitionKind
from alerting.outbox import enqueue_action
from alerting.state import SUPPRESSION


class AlreadyHandled(Exception):
    """Somebody (or the rule tick) was faster: `by` whom and `at` what time `alert` got its `status`."""

    def __init__(self, alert: Alert) -> None:
        last = alert.transitions.filter(kind=TransitionKind.STATUS, to_status=alert.status).last()
        self.alert = alert
        self.status = Status(alert.status)
        self.by = last.actor if last else alert.acknowledged_by
        self.at = last.at if last else alert.resolved_at or alert.acknowledged_at
        super().__init__(f"The alert was already {self.status.label.lower()} by {self.by}.")


class NotFiring(AlreadyHandled):
    """The alert is only pending: it would never fire once it counted as acknowledged."""

    def __str__(self) -> str:
        return "The alert is pending: nobody was told of it, so there is nothing to acknowledge yet."


class UnknownAssignee(Exception):
    """No active user of this name sees the alert's project."""


def acknowledge(alert_id: UUID, *, actor: str, note: str = "", now: datetime) -> Alert:
    """Stop repeats and escalation for this episode; an alert without an owner is that user's from then on.

    Raises Alert.DoesNotExist, AlreadyHandled and NotFiring.
    """
    with transaction.atomic():
        alert = _lock(alert_id)
        if alert.status == Status.PENDING:
            raise NotFiring(alert)
        if alert.status in {Status.ACKNOWLEDGED, Status.RESOLVED}:
            raise AlreadyHandled(alert)
        alert.acknowledged_at = now
        alert.acknowledged_by = actor
        transition = _change_status(alert, Status.ACKNOWLEDGED, actor, note, now)
        if alert.assigned_to_id is None:
            alert.assigned_to = _user_who_sees(alert.project_id, actor)
        alert.save(update_fields=["status", "acknowledged_at", "acknowledged_by", "assigned_to"])
        enqueue_action(transition, Action.ACKNOWLEDGE, now)
    return alert


def resolve(alert_id: UUID, *, actor: str, note: str = "", now: datetime) -> Alert:
    """End the episode by hand: none opens for its label set until the condition was false once, or for 24 h.

    Raises Alert.DoesNotExist and AlreadyHandled.
    """
    with transaction.atomic():
        alert = _lock(alert_id)
        if alert.status == Status.RESOLVED:
            raise AlreadyHandled(alert)
        alert.resolved_at = now
        alert.suppressed_until = now + SUPPRESSION
        transition = _change_status(alert, Status.RESOLVED, actor, note, now)
        alert.save(update_fields=["status", "resolved_at", "suppressed_until"])
        enqueue_action(transition, Action.RESOLVE, now)
    return alert


def assign(alert_id: UUID, *, assignee_username: str, actor: str, now: datetime) -> Alert:
    """Give the alert an owner; an empty name takes it away. Raises Alert.DoesNotExist and UnknownAssignee."""
    with transaction.atomic():
        alert = _lock(alert_id)
        assignee = _user_who_sees(alert.project_id, assignee_username) if assignee_username else None
        if assignee_username and assignee is None:
            raise UnknownAssignee(f"No user {assignee_username!r} sees this project.")
        alert.assigned_to = assignee
        alert.save(update_fields=["assigned_to"])
        reason = f"assigned to {assignee_username}" if assignee else "no longer assigned"
        transition = _write(alert, TransitionKind.ASSIGN, actor, reason, now)
        enqueue_action(transition, Action.ASSIGN, now)
    return alert


def add_note(alert_id: UUID, *, note: str, actor: str, now: datetime) -> Alert:
    """Write a note into the timeline. Raises Alert.DoesNotExist."""
    with transaction.atomic():
        alert = _lock(alert_id)
        transition = _write(alert, TransitionKind.NOTE, actor, note, now)
        enqueue_action(transition, Action.NOTE, now)
    return alert


def _user_who_sees(project_id: int, username: str) -> User | None:
    """None for who acts by a link or an API key, too."""
    users = get_user_model().objects.filter(Q(projects=project_id) | Q(is_superuser=True), is_active=True)
    return users.filter(username=username).distinct().first()


def _lock(alert_id: UUID) -> Alert:
    return Alert.objects.select_for_update().get(pk=alert_id)


def _change_status(alert: Alert, status: Status, actor: str, reason: str, now: datetime) -> Transition:
    transition = Transition.objects.create(
        project_id=alert.project_id,
        alert=alert,
        at=now,
        from_status=alert.status,
        to_status=status,
        actor=actor,
        reason=reason,
    )
    alert.status = status
    return transition


def _write(alert: Alert, kind: TransitionKind, actor: str, reason: str, now: datetime) -> Transition:
    return Transition.objects.create(
        project_id=alert.project_id, alert=alert, at=now, kind=kind, actor=actor, reason=reason
    )

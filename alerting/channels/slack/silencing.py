"""The button "Silence 1 h"."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from alerting import actions
from alerting.models import Alert, Silence
from alerting.policy import silences

DURATION = timedelta(hours=1)


def silence_for_an_hour(alert: Alert, *, actor: str, clicked_at: datetime, now: datetime) -> str:
    """Silence the alert from the click on, and note it in its timeline; words for the clicker where that can't be.

    Who clicked and when make the silence: the same click, sent again, finds it there. Raises Alert.DoesNotExist.
    """
    with transaction.atomic():
        Alert.objects.select_for_update().get(pk=alert.pk)
        same = Silence.objects.filter(project=alert.project_id, author=actor, starts_at=clicked_at)
        if same.exists():
            return ""
        try:
            done = silences.silence_alert(
                alert,
                duration=DURATION,
                author=actor,
                comment="Silenced in Slack.",
                now=now,
                starts_at=clicked_at,
            )
        except silences.SilenceError as error:
            return str(error)
        if done.is_changed:
            actions.add_note(alert.pk, note="silenced for 1 h", actor=actor, now=now)
    return ""

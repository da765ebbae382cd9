"""What alerting forgets."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alerting.models import Alert, Notification, Purpose
from alerting.retention import delete_resolved
from tests.alerting.delivery_rows import (
    NOW,
    make_alert,
    make_channel,
    make_notification,
    make_project,
    resolve,
)

pytestmark = pytest.mark.django_db

CUTOFF = NOW - timedelta(days=1)
OLD = CUTOFF - timedelta(seconds=1)


@pytest.mark.parametrize("exclude", [False, True])
def test_old_resolved_alerts_and_old_test_messages_of_the_chosen_projects_go(*, exclude: bool) -> None:
    chosen, other = make_project(), make_project()
    for project in (chosen, other):
        channel = make_channel(project, "slack", {"webhook_url": "https://hooks.slack.example/x"})
        for moment in (OLD, CUTOFF):
            alert = make_alert(project)
            make_notification(alert, channel, created_at=moment)
            resolve(alert, moment)
            make_notification(None, channel, Purpose.TEST, created_at=moment)
        make_notification(make_alert(project), channel, created_at=OLD)

    assert delete_resolved(CUTOFF, [other.pk if exclude else chosen.pk], exclude) == 1

    kept = {project: Notification.objects.filter(project=project) for project in (chosen, other)}
    assert [Alert.objects.filter(project=project).count() for project in (chosen, other)] == [2, 3]
    assert [rows.filter(purpose=Purpose.TEST).count() for rows in kept.values()] == [1, 2]
    assert [rows.filter(purpose=Purpose.FIRING).count() for rows in kept.values()] == [2, 3]

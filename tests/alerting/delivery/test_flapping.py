"""An alert that keeps coming and going says so, where people read it."""

from __future__ import annotations

import pytest
from pytest_httpserver import HTTPServer

from alerting.delivery import deliver_due
from alerting.models import NotificationChannel, Purpose
from projects.models import Project
from tests.alerting.delivery_rows import NOW, make_alert, make_notification
from tests.alerting.receivers import Mailbox

pytestmark = pytest.mark.django_db(transaction=True)

NOTICE = "Flapping: it fired 4 times within 30 min. It stays until it was calm for 15 min"


@pytest.mark.parametrize("is_flapping", [True, False])
def test_the_message_says_that_it_flaps(
    slack: NotificationChannel,
    email: NotificationChannel,
    mailbox: Mailbox,
    project: Project,
    httpserver: HTTPServer,
    *,
    is_flapping: bool,
) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    alert = make_alert(project, flapping_since=NOW if is_flapping else None)
    for channel in (slack, email):
        make_notification(alert, channel)
    deliver_due(NOW)
    blocks = str(httpserver.log[0][0].get_json()["blocks"])
    mail = mailbox.mails[0][2]
    bodies = [str(part.get_content()) for part in mail.walk() if not part.is_multipart()]
    assert len(bodies) == 2
    assert all((NOTICE in text) == is_flapping for text in (blocks, *bodies))


def test_nothing_but_the_firing_message_says_so(
    slack: NotificationChannel, project: Project, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    make_notification(make_alert(project, flapping_since=NOW), slack, Purpose.REPEAT)
    deliver_due(NOW)
    assert NOTICE not in str(httpserver.log[0][0].get_json())

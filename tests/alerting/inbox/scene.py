"""Alerts of every state in one project, and who looks at them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from alerting.models import Alert, Silence, Status
from projects.models import Project
from tests.alerting.delivery_rows import make_alert

INBOX = "/admin/inbox/"
NOW = timezone.now().replace(microsecond=0)
MINUTE = timedelta(minutes=1)


def person(project: Project, name: str, *permissions: str, **changes: Any) -> Client:
    """A staff user of the project who may see alerts, and do what these permissions (codenames) say."""
    user = User.objects.create_user(name, is_staff=True, **changes)
    project.members.add(user)
    wanted = Permission.objects.filter(
        content_type__app_label="alerting", codename__in=["view_alert", *permissions]
    )
    user.user_permissions.set(wanted)
    client = Client()
    client.force_login(user)
    return client


def operator(project: Project, name: str = "ana") -> Client:
    return person(project, name, "change_alert", "add_silence")


def alert(project: Project, name: str, minutes: float = 5, **changes: Any) -> Alert:
    """Firing for so many minutes, on host web-1 unless told otherwise."""
    # Of the call, not of the import: that is minutes ago in a long run, and pages show ages.
    since = timezone.now() - minutes * MINUTE
    severity = changes.pop("severity", "error")
    given = {"pending_since": since, "triggered_at": since, **changes}
    made = make_alert(project, rule_name=name, **given)
    Alert.objects.filter(pk=made.pk).update(severity=severity)
    made.refresh_from_db()
    return made


def pending(project: Project, name: str) -> Alert:
    return alert(project, name, status=Status.PENDING, triggered_at=None)


def resolved(project: Project, name: str, days_ago: float = 0.1) -> Alert:
    over = NOW - timedelta(days=days_ago)
    return alert(project, name, status=Status.RESOLVED, resolved_at=over, triggered_at=over - 9 * MINUTE)


def silence(project: Project, matcher: str, hours: float = 1) -> Silence:
    return Silence.objects.create(
        project=project,
        matchers=[matcher],
        starts_at=NOW - MINUTE,
        ends_at=NOW + timedelta(hours=hours),
        author="ana",
        comment="deploy",
    )


def html(client: Client, project: Project, **parameters: str) -> str:
    answer = client.get(f"{INBOX}?{urlencode({'project': project.pk, **parameters})}")
    assert answer.status_code == 200
    return answer.content.decode()


def names(page: str) -> list[str]:
    """The rules of the rows that are shown, in their order."""
    return re.findall(r'class="inbox-open" href="[^"]+">([^<]*)</a>', page)


def counts(page: str) -> dict[str, str]:
    """What stands beside the name of each tab."""
    return dict(re.findall(r'id="tab-(\w+)"[^>]*>\w+ <b>([\d,+]+)</b>', page))


def do(client: Client, project: Project, verb: str, *alerts: Alert, **fields: str) -> str:
    """Press a button of the page with these alerts selected, as the page's script does; the piece it gets."""
    body = {"do": verb, "alert": [str(one.pk) for one in alerts], **fields}
    answer = client.post(f"{INBOX}?project={project.pk}", body, headers={"HX-Request": "true"})
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def undo_of(piece: str) -> str:
    """The value of the button that takes back what was done; empty where there is none."""
    found = re.search(r'value="(undo:[^"]+)"', piece)
    return found[1] if found else ""

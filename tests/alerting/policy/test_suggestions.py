"""What the form of a silence offers while its matchers are typed: rules and labels that the project really has."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from django.test import Client
from django.utils import timezone

from alerting.policy.suggestions import OFFERED, choose
from projects.models import Project
from tests.admin import member_client, superuser_client
from tests.alerting.policy.stage import fire

pytestmark = pytest.mark.django_db

PREVIEW = "/admin/alerting/silence/preview/"
ALERTS = [
    ("High CPU", {"host_name": "web-1"}),
    ("High CPU", {"host_name": "web-2", "region": "eu"}),
    ("Disk", {"host_name": "web-1", "severity": "odd"}),
]
RULES = ["Disk", "High CPU", "Quiet"]


def chosen(typed: str = "", written: Sequence[str] = ()) -> list[str]:
    return choose(ALERTS, RULES, typed, written)


def test_rules_that_fired_come_first_then_labels_by_how_often_they_are_met() -> None:
    assert chosen()[:4] == ['rule="High CPU"', 'rule="Disk"', 'host_name="web-1"', 'host_name="web-2"']
    assert 'rule="Quiet"' in chosen()


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("host", ['host_name="web-1"', 'host_name="web-2"']),
        ("WEB-2", ['host_name="web-2"']),
        ("host_name=web-2", ['host_name="web-2"']),
        ("cpu", ['rule="High CPU"']),
        ("quiet", ['rule="Quiet"']),
        ("critical", ['severity="critical"']),
        ("odd", ['labels.severity="odd"']),
        ("nothing like it", []),
    ],
)
def test_what_is_typed_narrows_them_down(typed: str, found: list[str]) -> None:
    assert chosen(typed) == found


def test_what_is_written_already_is_not_offered_again_and_there_are_few() -> None:
    assert 'rule="Disk"' not in chosen(written=['rule="Disk"'])
    many = [("Rule", {"host_name": f"web-{number}"}) for number in range(100)]
    assert len(choose(many, [], "", [])) == OFFERED


def test_the_form_gets_them_escaped_and_of_its_project_alone(
    project: Project, other_project: Project
) -> None:
    now = timezone.now()
    fire(project, now=now, labels={"host_name": '<b>"web"'})
    fire(other_project, now=now, labels={"host_name": "secret"})
    page = superuser_client().post(PREVIEW, {"project": project.pk, "matchers": ""}).content.decode()
    assert 'data-matcher="host_name=&quot;&lt;b&gt;\\&quot;web\\&quot;&quot;"' in page
    assert "secret" not in page
    stranger = member_client(project, "alerting.silence")
    hidden = stranger.post(PREVIEW, {"project": other_project.pk, "typed": "secret\0"}).content.decode()
    assert "secret" not in hidden


@pytest.mark.parametrize(
    "typed", ["\0", "x" * 10_000, '"\\', "%_"], ids=["nul", "long", "escapes", "wildcards"]
)
def test_odd_texts_break_nothing(client: Client, project: Project, typed: str) -> None:
    answer = superuser_client().post(PREVIEW, {"project": project.pk, "matchers": typed, "typed": typed})
    assert answer.status_code == 200

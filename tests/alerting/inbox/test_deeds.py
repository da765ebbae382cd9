"""What is done in the inbox: to many alerts at once, by those who may, with a transition each; some is taken back."""

from __future__ import annotations

import uuid
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from alerting.models import Alert, Silence, Transition
from projects.models import Project
from tests.alerting.inbox.scene import INBOX, alert, do, names, operator, pending, person, undo_of
from tests.alerting.test_alerts_page import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana(project: Project) -> Client:
    return operator(project)


def states(*alerts: Alert) -> list[str]:
    by_id = dict(Alert.objects.values_list("pk", "status"))
    return [by_id[one.pk] for one in alerts]


def owners(*alerts: Alert) -> list[str]:
    by_id = {one.pk: one.assigned_to for one in Alert.objects.select_related("assigned_to")}
    return [owner.username if (owner := by_id[one.pk]) else "" for one in alerts]


def test_selected_alerts_are_acknowledged_with_a_transition_each(ana: Client, project: Project) -> None:
    one, two, other = (alert(project, name) for name in ("one", "two", "other"))
    piece = do(ana, project, "acknowledge", one, two)
    assert states(one, two, other) == ["acknowledged", "acknowledged", "firing"]
    assert "Acknowledged 2 alerts." in piece
    assert undo_of(piece) == ""
    assert names(piece) == ["other"]
    written = Transition.objects.values_list("alert__rule_name", "from_status", "to_status", "actor")
    assert sorted(written) == [(name, "firing", "acknowledged", "ana") for name in ("one", "two")]


def test_what_others_were_faster_with_is_said_and_stays(ana: Client, project: Project) -> None:
    one, waiting = alert(project, "one"), pending(project, "waiting")
    do(operator(project, "bob"), project, "acknowledge", one)
    fresh = alert(project, "fresh")
    text = text_of(do(ana, project, "acknowledge", one, waiting, fresh))
    assert "Acknowledged fresh." in text
    assert "The alert was already acknowledged by bob." in text
    assert "The alert is pending" in text
    assert states(one, waiting, fresh) == ["acknowledged", "pending", "acknowledged"]


def test_without_a_selection_it_is_the_alert_under_the_cursor(ana: Client, project: Project) -> None:
    one, two = alert(project, "one"), alert(project, "two")
    do(ana, project, "resolve", current=str(two.pk))
    assert states(one, two) == ["firing", "resolved"]
    assert "Nothing is selected" in do(ana, project, "resolve")


def test_a_rows_own_button_acts_on_that_row_alone(ana: Client, project: Project) -> None:
    one, two = alert(project, "one"), alert(project, "two")
    do(ana, project, f"acknowledge:{two.pk}", one)
    assert states(one, two) == ["firing", "acknowledged"]


def test_an_assignment_can_be_taken_back(ana: Client, project: Project) -> None:
    one, two, three = (alert(project, name) for name in ("one", "two", "three"))
    operator(project, "bob")
    Alert.objects.filter(pk=two.pk).update(assigned_to=User.objects.get(username="bob"))
    piece = do(ana, project, "assign", one, two, three, assignee="ana")
    assert "Assigned 3 alerts to ana." in piece
    assert owners(one, two, three) == ["ana", "ana", "ana"]
    # What changed since stays.
    do(ana, project, "assign", three, assignee="")
    assert "Gave back 2 alerts." in do(ana, project, undo_of(piece))
    assert owners(one, two, three) == ["", "bob", ""]


def test_an_owner_who_does_not_see_the_project_is_refused(ana: Client, project: Project) -> None:
    one = alert(project, "one")
    User.objects.create_user("stranger", is_staff=True)
    assert "No user &#x27;stranger&#x27; sees this project." in do(
        ana, project, "assign", one, assignee="stranger"
    )
    assert owners(one) == [""]


def test_selected_alerts_are_silenced_and_no_others(ana: Client, project: Project) -> None:
    one = alert(project, "one", labels={"tenant": "t1"})
    two = alert(project, "two", labels={"tenant": "t2"})
    other = alert(project, "one", labels={"tenant": "t3"})
    piece = do(ana, project, "silence:120", one, two, comment="deploy")
    assert "Silenced 2 alerts for 2 h." in piece
    assert names(piece) == [other.rule_name]
    made = Silence.objects.all()
    assert sorted(one.matchers for one in made) == [
        ['rule="one"', 'tenant="t1"'],
        ['rule="two"', 'tenant="t2"'],
    ]
    assert {(one.author, one.comment, one.ends_at - one.starts_at) for one in made} == {
        ("ana", "deploy", timedelta(hours=2))
    }
    assert Transition.objects.filter(alert=one, kind="note", reason="silenced for 2 h: deploy").exists()


def test_a_silence_is_taken_back_by_who_made_it_and_nobody_else(ana: Client, project: Project) -> None:
    one = alert(project, "one")
    token = undo_of(do(ana, project, "silence:30", one))
    assert "can&#x27;t be taken back" in do(operator(project, "bob"), project, token)
    assert "can&#x27;t be taken back" in do(ana, project, f"{token}x")
    assert Silence.objects.get().ends_at > timezone.now()
    assert "Ended 1 silence." in do(ana, project, token)
    assert Silence.objects.get().ends_at <= timezone.now()
    assert "nothing left to take back" in do(ana, project, token)


@pytest.mark.parametrize(
    ("until", "said"),
    [
        ("", "Say until when"),
        ("tomorrow", "Say until when"),
        ("2020-01-01T00:00", "lies in the future"),
        ("0001-01-01T00:00", "nothing was silenced"),
        ("2027-12-31T23:59", "Silenced one until 2027-12-31 23:59."),
        ("9999-12-31T23:59", "at most ten years"),
    ],
)
def test_an_end_is_read_as_the_readers_clock(ana: Client, project: Project, until: str, said: str) -> None:
    one = alert(project, "one")
    assert said in do(ana, project, "silence:until", one, until=until)


def test_an_end_counts_in_the_readers_zone(ana: Client, project: Project) -> None:
    one = alert(project, "one")
    ana.cookies["timezone"] = "Asia/Kolkata"
    end = (timezone.now() + timedelta(days=1)).replace(second=0, microsecond=0)
    there = end + timedelta(hours=5, minutes=30)
    piece = do(ana, project, "silence:until", one, until=f"{there:%Y-%m-%dT%H:%M}")
    assert Silence.objects.get().ends_at == end
    assert f"Silenced one until {there:%Y-%m-%d %H:%M}." in piece
    assert Transition.objects.get().reason == f"silenced until {end:%Y-%m-%d %H:%M} UTC"


def test_alerts_of_other_projects_are_refused_and_nothing_is_done(
    ana: Client, project: Project, other_project: Project
) -> None:
    mine, theirs = alert(project, "mine"), alert(other_project, "theirs")
    for verb in ("acknowledge", "resolve", "assign", "silence:30"):
        body = {"do": verb, "alert": [mine.pk, theirs.pk]}
        assert ana.post(f"{INBOX}?project={project.pk}", body).status_code == 404
    assert states(mine, theirs) == ["firing", "firing"]
    assert not Silence.objects.exists()
    assert not Transition.objects.exists()


@pytest.mark.parametrize("verb", ["acknowledge", "resolve", "assign", "silence:30"])
def test_who_may_only_look_may_do_nothing(project: Project, verb: str) -> None:
    one = alert(project, "one")
    guest = person(project, "guest")
    assert guest.post(f"{INBOX}?project={project.pk}", {"do": verb, "alert": str(one.pk)}).status_code == 403
    assert states(one) == ["firing"]


def test_who_may_change_alerts_alone_may_not_silence(project: Project) -> None:
    one = alert(project, "one")
    half = person(project, "half", "change_alert")
    assert (
        half.post(f"{INBOX}?project={project.pk}", {"do": "silence:30", "alert": str(one.pk)}).status_code
        == 403
    )


def test_what_has_cleared_meanwhile_is_left_out(ana: Client, project: Project) -> None:
    one, gone = alert(project, "one"), pending(project, "gone")
    gone_id = str(gone.pk)
    gone.delete()
    body = {"do": "acknowledge", "alert": [str(one.pk), gone_id]}
    assert ana.post(f"{INBOX}?project={project.pk}", body).status_code == 302
    assert states(one) == ["acknowledged"]
    assert "That alert is gone" in do(ana, project, "acknowledge", current=str(uuid.uuid4()))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"do": "acknowledge", "alert": "x"}, 404),
        ({"do": "explode", "alert": str(uuid.uuid4())}, 200),
        ({}, 200),
    ],
)
def test_a_garbled_form_breaks_nothing(
    ana: Client, project: Project, body: dict[str, str], status: int
) -> None:
    answer = ana.post(f"{INBOX}?project={project.pk}", body, headers={"HX-Request": "true"})
    assert answer.status_code == status


def test_it_works_without_scripts_too(ana: Client, project: Project) -> None:
    one = alert(project, "one")
    here = f"{INBOX}?{urlencode({'project': project.pk, 'group_by': 'rule'})}"
    answer = ana.post(here, {"do": "acknowledge", "alert": str(one.pk)}, follow=True)
    assert answer.redirect_chain == [(here, 302)]
    assert "Acknowledged one." in answer.content.decode()


def test_the_assignees_are_those_who_see_the_project(ana: Client, project: Project) -> None:
    operator(project, "bob")
    User.objects.create_user("stranger", is_staff=True)
    User.objects.create_superuser("root")
    piece = ana.get(f"{INBOX}?project={project.pk}&panel=assignees").content.decode()
    assert [name for name in ("ana", "bob", "root", "stranger") if f'value="{name}"' in piece] == [
        "ana",
        "bob",
        "root",
    ]

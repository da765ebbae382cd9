"""An alert that is silenced already: the running silence lasts longer, and what is taken back is what a click did."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from alerting.models import Silence, Transition
from alerting.policy import silences
from projects.models import Project
from tests.alerting.inbox.scene import MINUTE, alert, do, operator, undo_of

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def ana(project: Project) -> Client:
    return operator(project)


def hours_left() -> list[int]:
    """Of each silence, in whole hours."""
    now = timezone.now()
    return [round((one.ends_at - now) / HOUR) for one in Silence.objects.order_by("pk")]


def test_a_second_longer_silence_lengthens_the_first(ana: Client, project: Project) -> None:
    one = alert(project, "one")
    do(ana, project, "silence:120", one, comment="deploy")
    assert "Silenced one for 8 h." in do(operator(project, "bob"), project, "silence:480", one)
    assert hours_left() == [8]
    assert (Silence.objects.get().author, Silence.objects.get().comment) == ("ana", "deploy")
    notes = Transition.objects.order_by("pk").values_list("actor", "reason")
    assert list(notes) == [("ana", "silenced for 2 h: deploy"), ("bob", "silenced for 8 h")]


def test_a_second_shorter_silence_changes_nothing_and_says_so(ana: Client, project: Project) -> None:
    one, two = alert(project, "one"), alert(project, "two")
    do(ana, project, "silence:480", one)
    piece = do(ana, project, "silence:120", one, two)
    assert "Silenced two for 2 h. one was silenced for longer already." in piece
    assert hours_left() == [8, 2]
    assert Transition.objects.filter(alert=one).count() == 1


def test_undo_ends_just_what_the_click_made(ana: Client, project: Project) -> None:
    one, two = alert(project, "one"), alert(project, "two")
    do(operator(project, "bob"), project, "silence:120", one)
    token = undo_of(do(ana, project, "silence:480", one, two))
    assert hours_left() == [8, 8]
    said = do(ana, project, token)
    assert "Ended 1 silence." in said
    assert "Gave 1 silence the former end back." in said
    assert hours_left() == [2, 0]


def test_what_somebody_has_changed_since_stays(ana: Client, project: Project) -> None:
    one = alert(project, "one")
    do(ana, project, "silence:30", one)
    token = undo_of(do(ana, project, "silence:120", one))
    do(operator(project, "bob"), project, "silence:1440", one)
    assert "nothing left to take back" in do(ana, project, token)
    assert hours_left() == [24]


def test_where_nothing_was_done_there_is_nothing_to_take_back(ana: Client, project: Project) -> None:
    one = alert(project, "one")
    do(ana, project, "silence:480", one)
    assert undo_of(do(ana, project, "silence:120", one)) == ""


def test_an_ended_silence_is_not_lengthened(ana: Client, project: Project) -> None:
    one = alert(project, "one")
    token = undo_of(do(ana, project, "silence:120", one))
    do(ana, project, token)
    do(ana, project, "silence:120", one)
    assert hours_left() == [0, 2]


def test_what_would_have_ended_meanwhile_ends_when_it_is_taken_back(ana: Client, project: Project) -> None:
    one = alert(project, "one")
    now = timezone.now()
    matchers = ['rule="one"', 'host_name="web-1"']
    first = Silence.objects.create(
        project=project,
        matchers=matchers,
        starts_at=now - HOUR,
        ends_at=now + HOUR,
        author="ana",
        comment="x",
    )
    made = silences.silence_alert(one, duration=2 * HOUR, author="ana", comment="x", now=now)
    assert (made.silence.pk, made.ended_before) == (first.pk, now + HOUR)
    assert silences.take_back_end(made.silence, now + HOUR, made.silence.ends_at, now + 90 * MINUTE)
    first.refresh_from_db()
    assert first.ends_at == now + 90 * MINUTE

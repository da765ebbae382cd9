"""Whose turn it is to be measured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from analytics.due import EVERY, FARTHEST, Due
from analytics.models.features import Feature
from projects.models import Project

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, tzinfo=UTC)
DUE = Due(lambda _: Feature.objects.all(), "measure_at")


def make(project: Project, slug: str, measure_at: datetime | None) -> Feature:
    return Feature.objects.create(
        project=project, slug=slug, name=slug, matcher={"event_name": "x"}, measure_at=measure_at
    )


def test_the_longest_waiting_comes_first_and_each_once(project: Project) -> None:
    make(project, "waits", NOW - EVERY)
    make(project, "new", None)
    make(project, "now", NOW)
    make(project, "later", NOW + timedelta(seconds=1))
    assert [one.slug for one in DUE.turns(NOW, seconds=60)] == ["new", "waits", "now"]
    assert [one.slug for one in DUE.turns(NOW + EVERY, seconds=0)] == []


def test_of_two_that_see_the_same_row_one_takes_it(project: Project) -> None:
    row = make(project, "one", None)
    assert [DUE.takes(Feature.objects.get(pk=row.pk), NOW), DUE.takes(row, NOW)] == [True, False]


def test_whoever_dies_over_a_row_leaves_it_due_again(project: Project) -> None:
    row = make(project, "one", None)
    assert DUE.takes(row, NOW)
    assert not DUE.has_rows(NOW)
    assert DUE.has_rows(NOW + EVERY)


def test_a_row_whose_next_time_a_clock_that_was_ahead_has_set_is_due_again(project: Project) -> None:
    make(project, "slow", NOW + FARTHEST)
    assert not DUE.has_rows(NOW)
    make(project, "from tomorrow", NOW + timedelta(days=1))
    assert [one.slug for one in DUE.turns(NOW, seconds=60)] == ["from tomorrow"]

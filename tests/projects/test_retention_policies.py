"""Retention policies: three tiers of roll-ups, made from the one length of life there was before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.urls import reverse

from projects.models import RetentionPolicy
from tests.admin import superuser_client

BEFORE = [("projects", "0001_initial")]
AFTER = [("projects", "0002_rollup_tiers")]


def migrate_to(target: list[tuple[str, str]]) -> None:
    MigrationExecutor(connection).migrate(target)


@pytest.fixture
def _before_tiers(transactional_db: None) -> Iterator[None]:
    migrate_to(BEFORE)
    yield
    # Going back also took what was built on it since.
    migrate_to(MigrationExecutor(connection).loader.graph.leaf_nodes())


@pytest.mark.usefixtures("_before_tiers")
def test_every_tier_begins_with_the_value_there_was_and_going_back_keeps_it() -> None:
    with connection.cursor() as cursor:
        # By hand: the model of today has columns that were not there then.
        cursor.execute(
            "INSERT INTO projects_project (name, slug, created_at) VALUES ('shop', 'shop-of-then', now()) RETURNING id"
        )
        (project_id,) = cursor.fetchone()
        cursor.execute(
            "INSERT INTO projects_retentionpolicy (project_id, events_days, metrics_days, business_days, traces_days, "
            "rollups_days, alerts_days, audit_days) VALUES (%s, 1, 2, 3, 4, 500, 6, 7)",
            [project_id],
        )
    migrate_to(AFTER)
    policy = RetentionPolicy.objects.get(project_id=project_id)
    tiers = (policy.rollup_minutes_days, policy.rollup_hours_days, policy.rollup_days_days)
    assert tiers == (500, 500, 500)
    assert (policy.events_days, policy.audit_days) == (1, 7)
    RetentionPolicy.objects.filter(pk=policy.pk).update(rollup_hours_days=700)
    migrate_to(BEFORE)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rollups_days FROM projects_retentionpolicy WHERE project_id = %s", [project_id]
        )
        assert cursor.fetchone() == (700,)


@pytest.mark.django_db
def test_the_form_says_that_roll_ups_never_go_before_their_raw_data() -> None:
    text = superuser_client().get(reverse("admin:projects_retentionpolicy_add")).content.decode()
    assert "never deleted before the raw data it was made from" in text
    for field in ("rollup_minutes_days", "rollup_hours_days", "rollup_days_days"):
        assert f'name="{field}"' in text

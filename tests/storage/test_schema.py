"""The models say what the database holds."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, models

OURS = ("projects", "events", "metrics", "traces", "analytics", "ingest", "alerting", "telemetry_platform")

pytestmark = pytest.mark.django_db


def physical_columns(table: str) -> dict[str, bool]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, is_nullable = 'YES' FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND table_name = %s",
            [table],
        )
        return dict(cursor.fetchall())


@pytest.mark.parametrize(
    "model", [model for label in OURS for model in apps.get_app_config(label).get_models()], ids=str
)
def test_a_models_columns_are_those_of_its_table(model: type[models.Model]) -> None:
    described = {field.column: field.null for field in model._meta.local_fields if field.column}
    assert physical_columns(model._meta.db_table) == described


def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)

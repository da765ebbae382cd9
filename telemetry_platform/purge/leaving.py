"""What deleted projects leave behind: the tables that nothing else takes it from, and the step that does."""

from __future__ import annotations

from collections.abc import Sequence

from django.apps import apps
from django.db import connection

from projects.models import Project
from storage import leftovers
from storage.registry import partitioned_tables, reference_tables, tables

FORGOTTEN_ELSEWHERE = frozenset({"journey_completions", "journey_progress"})
"""By the upkeep of journeys, as their journeys are gone too; no index leads to it by project."""


def tables_of_projects() -> list[str]:
    """Tables in one piece whose rows name their project, while no foreign key lets them go with it."""
    registered = {one.name for one in tables()} | {one.name for one in reference_tables()}
    modelled = {
        model._meta.db_table
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.related_model is Project and not getattr(field, "db_constraint", True)
    }
    by_days = {table.name for table in partitioned_tables()}
    return sorted((registered | modelled | leftovers.STATE_TABLES) - by_days - FORGOTTEN_ELSEWHERE)


def existing(project_ids: Sequence[int]) -> set[int]:
    """Which of these projects there are, or have never been: where a backup is being loaded, those are on their way."""
    there = set(Project.objects.filter(pk__in=project_ids).values_list("pk", flat=True))
    newest = _newest_id()
    return there | {project_id for project_id in project_ids if project_id > newest}


def _newest_id() -> int:
    """The last id that a project was given here. Loading a backup moves it after all rows have been loaded."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence(%s, 'id')::regclass), 0)",
            [Project._meta.db_table],
        )
        (newest,) = cursor.fetchone()
    return int(newest)

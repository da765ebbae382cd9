"""The tables behind the page "Sources": what several processes gathered is added up, what is a day old is deleted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from ingest.models import SourceMinute, SourceProblem
from ingest.sources.tallies import Place, Tally

LIFE = timedelta(hours=25)
"""A day, so that "last seen" can say "yesterday", and the hour until the task comes by."""

# Sums are added up, the newest sample wins.
_ADD_MINUTES = """
    INSERT INTO ingest_sourceminute AS old (
        project_id, key_id, format_name, path, minute, last_seen_at,
        request_count, refused_count, record_count, duplicate_count, rejected_count, byte_count)
    SELECT * FROM unnest(
        %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[],
        %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
    ON CONFLICT (project_id, key_id, format_name, path, minute) DO UPDATE SET
        last_seen_at = greatest(old.last_seen_at, EXCLUDED.last_seen_at),
        request_count = old.request_count + EXCLUDED.request_count,
        refused_count = old.refused_count + EXCLUDED.refused_count,
        record_count = old.record_count + EXCLUDED.record_count,
        duplicate_count = old.duplicate_count + EXCLUDED.duplicate_count,
        rejected_count = old.rejected_count + EXCLUDED.rejected_count,
        byte_count = old.byte_count + EXCLUDED.byte_count
"""
_ADD_PROBLEMS = """
    INSERT INTO ingest_sourceproblem AS old (
        project_id, key_id, format_name, path, minute, last_seen_at,
        status, code, field, count, message, sample)
    SELECT * FROM unnest(
        %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[],
        %s::smallint[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[])
    ON CONFLICT (project_id, key_id, format_name, path, minute, status, code, field) DO UPDATE SET
        last_seen_at = greatest(old.last_seen_at, EXCLUDED.last_seen_at),
        count = old.count + EXCLUDED.count,
        message = EXCLUDED.message,
        sample = coalesce(nullif(EXCLUDED.sample, ''), old.sample)
"""


def add_up(tallies: Mapping[Place, Tally]) -> None:
    """Add what one process gathered to the tables, in one transaction."""
    minutes: list[tuple[Any, ...]] = []
    problems: list[tuple[Any, ...]] = []
    for (source, minute), tally in tallies.items():
        place = (
            source.project_id, source.key_id, source.format_name, source.path, minute, tally.last_seen_at,
        )  # fmt: skip
        numbers = (tally.requests, tally.refused, tally.records, tally.duplicates, tally.rejected)
        minutes.append((*place, *numbers, tally.byte_count))
        problems += [
            (*place, problem.status, problem.code, problem.field, found.count, found.message, found.sample)
            for problem, found in tally.problems.items()
        ]
    with transaction.atomic(), connection.cursor() as cursor:
        for statement, rows in ((_ADD_MINUTES, minutes), (_ADD_PROBLEMS, problems)):
            if rows:
                # Sorted, so that two processes wait for each other instead of deadlocking.
                cursor.execute(statement, [list(column) for column in zip(*sorted(rows), strict=True)])


def purge(now: datetime) -> None:
    """Delete what is older than a day."""
    for model in (SourceMinute, SourceProblem):
        model.objects.filter(minute__lt=now - LIFE).delete()

"""The table of the page: a row for each key, format and path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zlib import crc32

from django.urls import reverse
from django.utils.safestring import SafeString

from ingest.models import SourceMinute
from ingest.sources.tallies import UNKNOWN_FORMAT, Source
from ingest.sources_page.bars import Bars, bars_of
from ingest.sources_page.facts import NO_PROJECT, Facts, FoundProblem
from ingest.sources_page.words import explained, kind_of
from projects import figures
from projects.models import ApiKey, KeyKind
from projects.retention import Kind

FORMATS = {
    "json": "JSON",
    "otlp": "OTLP",
    "cloudevents": "CloudEvents",
    "segment": "Segment",
    "prometheus": "Prometheus remote write",
    UNKNOWN_FORMAT: "Unknown format",
}
LISTS: Mapping[Kind, str] = {
    "events": "admin:events_event_changelist",
    "metrics": "admin:metrics_metricseries_changelist",
    "business": "admin:metrics_businessmetric_changelist",
    "traces": "admin:traces_span_changelist",
}


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """One reason, with what it means and the newest record it met."""

    what: str
    field: str
    count: str
    last_seen: SafeString
    explanation: str
    message: str
    sample: str


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One key, format and path. `anchor` stays the same from one view of the page to the next."""

    anchor: str
    key_name: str
    key_note: str
    key_url: str
    format_name: str
    path: str
    bars: Bars
    records: str
    records_url: str
    duplicates: str
    rejected: str
    refused: str
    sent: str
    last_seen: SafeString
    problems: Sequence[ProblemRow]


@dataclass(frozen=True, slots=True)
class Sums:
    """Of the last hour."""

    records: int = 0
    duplicates: int = 0
    rejected: int = 0
    refused: int = 0
    requests: int = 0
    sent_bytes: int = 0


def summed(minutes: Iterable[SourceMinute]) -> Sums:
    rows = list(minutes)
    return Sums(
        sum(row.record_count for row in rows),
        sum(row.duplicate_count for row in rows),
        sum(row.rejected_count for row in rows),
        sum(row.refused_count for row in rows),
        sum(row.request_count for row in rows),
        sum(row.byte_count for row in rows),
    )


def source_rows(facts: Facts, days: Mapping[Kind, int], now: datetime) -> list[SourceRow]:
    """Who sent last comes first; requests without a known key come last."""
    seen = sorted(facts.last_seen.items(), key=lambda pair: (pair[0].project_id != NO_PROJECT, pair[1]))
    return [_row(facts, source, at, days, now) for source, at in reversed(seen)]


def silent_keys(facts: Facts) -> list[ApiKey]:
    """Keys that could send and did not for a day."""
    heard = {source.key_id for source in facts.last_seen}
    return [key for pk, key in facts.keys.items() if pk not in heard and key.revoked_at is None]


def _row(
    facts: Facts, source: Source, seen_at: datetime, days: Mapping[Kind, int], now: datetime
) -> SourceRow:
    minutes = facts.minutes.get(source, [])
    sums = summed(minutes)
    key = facts.keys.get(source.key_id)
    return SourceRow(
        anchor=f"source-{crc32(repr(source).encode()):08x}",
        key_name=key.name if key else "No known key",
        key_note=_key_note(key) if key else "of any project: nobody can say whose",
        key_url=reverse("admin:projects_apikey_change", args=[key.pk]) if key else "",
        format_name=FORMATS.get(source.format_name, source.format_name),
        path=source.path,
        bars=bars_of({row.minute: _stored_or_not(row) for row in minutes}, now),
        records=figures.number(sums.records),
        records_url=_records_url(source) if sums.records else "",
        duplicates=_count(sums.duplicates),
        rejected=_count(sums.rejected),
        refused=_count(sums.refused),
        sent=figures.size(sums.sent_bytes),
        last_seen=figures.age_html(seen_at, now),
        problems=[_problem_row(problem, source, days, now) for problem in facts.problems.get(source, [])],
    )


def _key_note(key: ApiKey) -> str:
    state = f", revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else ""
    kind = "browser key" if key.kind == KeyKind.BROWSER else "server key"
    return f"{kind} {key.prefix}…{state}"


def _stored_or_not(row: SourceMinute) -> tuple[int, int]:
    return row.record_count + row.duplicate_count, row.rejected_count + row.refused_count


def _records_url(source: Source) -> str:
    return f"{reverse(LISTS[kind_of(source.path)])}?project={source.project_id}"


def _problem_row(
    problem: FoundProblem, source: Source, days: Mapping[Kind, int], now: datetime
) -> ProblemRow:
    noun = "request" if problem.status else "record"
    plural = "" if problem.count == 1 else "s"
    return ProblemRow(
        what=f"{problem.status} {problem.code}" if problem.status else problem.code,
        field=problem.field,
        count=f"{figures.number(problem.count)} {noun}{plural}",
        last_seen=figures.age_html(problem.last_seen_at, now),
        explanation=explained(problem.status, problem.code, source.path, days),
        message=problem.message,
        sample=problem.sample,
    )


def _count(number: int) -> str:
    return figures.number(number) if number else ""

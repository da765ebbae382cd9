"""How much is stored, by signal: from the minutes that ingest keeps of its sources for a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import DateTimeField, Func, Max, Sum, Value

from events.models import Event
from ingest.models import SourceMinute
from ingest.sources.storing import LIFE
from ingest.sources_page.words import kind_of
from metrics.models import MetricSeries
from projects.pages.time_range import TimeRange
from projects.retention import Kind
from telemetry_platform.overview.courses import Course
from telemetry_platform.overview.periods import Periods
from traces.models import Span

KEPT = timedelta(hours=24)
LONG_SILENCE = timedelta(minutes=10)
LONGEST_LOOK = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Arriving:
    """Records a second, in all and by signal (the busiest first); `last_at` None: nothing for a day.

    `is_cut`: the range is longer than what is kept, and these are the rates of the last 24 h.
    """

    rate_per_second: Course
    by_kind: dict[Kind, float]
    last_at: datetime | None
    is_cut: bool

    def is_silent(self, now: datetime) -> bool:
        """Something came in this period, and then no more."""
        return self.last_at is not None and now - self.last_at > LONG_SILENCE


def read(project_id: int, time_range: TimeRange, now: datetime) -> Arriving | None:
    """One query; None for times of which nothing is kept. Of longer ranges the last 24 h are counted."""
    kept = TimeRange(max(time_range.start, now - KEPT), time_range.end)
    if kept.start >= kept.end:
        return None
    periods = Periods.of(kept, now)
    window = periods.both
    minute = Func(
        Value(window.interval),
        "minute",
        Value(window.start),
        function="date_bin",
        output_field=DateTimeField(),
    )
    rows = (
        SourceMinute.objects.filter(project_id=project_id, minute__gte=window.start, minute__lt=window.end)
        .values_list("path", minute)
        .annotate(records=Sum("record_count"), last_at=Max("last_seen_at"))
    )
    counts = [0] * window.bucket_count
    shown: dict[Kind, int] = {}
    last_at = None
    for path, bucket, records, seen_at in rows:
        counts[(bucket - window.start) // window.interval] += records
        last_at = max(last_at or seen_at, seen_at)
        if bucket >= periods.shown.start:
            shown[kind_of(path)] = shown.get(kind_of(path), 0) + records
    by_kind = {kind: count / periods.passed_seconds for kind, count in shown.items() if count}
    return Arriving(
        _course(counts, periods, has_before=window.start >= now - LIFE),
        dict(sorted(by_kind.items(), key=lambda pair: -pair[1])),
        last_at,
        is_cut=kept.start > time_range.start,
    )


def _course(counts: list[int], periods: Periods, *, has_before: bool) -> Course:
    half = len(counts) // 2
    bucket_seconds = periods.shown.interval.total_seconds()
    before = sum(counts[:half]) / periods.length.total_seconds() if has_before else None
    by_bucket: list[float | None] = [count / bucket_seconds for count in counts[half:]]
    if periods.shown.end > periods.now and len(by_bucket) > 1:
        # The bucket that still runs would look like a fall.
        by_bucket.pop()
    return Course(sum(counts[half:]) / periods.passed_seconds, before, by_bucket)


def has_telemetry(project_id: int, now: datetime) -> bool:
    """Whether a project has ever been sent anything, as far as that is cheap to say: up to four small queries."""
    since = now - LONGEST_LOOK
    return (
        SourceMinute.objects.filter(project_id=project_id, record_count__gt=0).exists()
        or MetricSeries.objects.filter(project_id=project_id).exists()
        or Event.objects.filter(project_id=project_id, event_timestamp__gte=since).exists()
        or Span.objects.filter(project_id=project_id, start_time__gte=since).exists()
    )

"""What a job made: compressed pieces in a table, so that any worker may write them and any web server read them."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from projects.models import UNFINISHED, Job, JobChunk, JobStatus

KEPT = timedelta(hours=24)
"""How long a result can be downloaded."""
KEPT_JOBS = timedelta(days=30)
MOST_ROWS = 5_000_000
MOST_BYTES = 1_000_000_000
"""Of one result, as it is stored."""

_LEVEL = 3
"""Three times as fast as the default for a tenth more bytes, measured on exported events."""


def packed(text: str) -> bytes:
    """A gzip member; several of them, one after the other, are a gzip file as well."""
    return gzip.compress(text.encode(), compresslevel=_LEVEL, mtime=0)


def packed_pieces(job: Job) -> Iterator[bytes]:
    """The result as a gzip file. One piece is in memory at a time, and no connection is held between two."""
    last = 0
    while found := JobChunk.objects.filter(job=job, pk__gt=last).order_by("pk").first():
        last = found.pk
        if not connection.in_atomic_block:
            # A slow client must not keep one of the few connections that all requests share.
            connection.close()
        yield bytes(found.data)


def plain_pieces(job: Job) -> Iterator[bytes]:
    """The same, unpacked."""
    for piece in packed_pieces(job):
        yield zlib.decompress(piece, wbits=zlib.MAX_WBITS | 16)


def forget(job: Job) -> None:
    """Delete what an ended job has made; its next run, if there is one, begins at the beginning.

    Nothing where it has begun again meanwhile: its pieces and its place in the work go together.
    """
    cleared: dict[str, Any] = {
        "cursor": None,
        "result_bytes": 0,
        "done_count": 0,
        "done_ratio": None,
        "notes": [],
    }
    with transaction.atomic():
        if Job.objects.filter(pk=job.pk).exclude(status__in=UNFINISHED).update(**cleared):
            job.chunks.all().delete()


def drop(job: Job) -> None:
    """Make room: of a job that is done its result goes, and what it did is still told."""
    if job.status != JobStatus.DONE:
        forget(job)
        return
    with transaction.atomic():
        if Job.objects.filter(pk=job.pk, status=JobStatus.DONE).update(result_bytes=0):
            job.chunks.all().delete()


def purge(now: datetime) -> None:
    """Drop results older than a day, and jobs older than a month."""
    ended = Job.objects.exclude(status__in=UNFINISHED)
    for job in ended.filter(finished_at__lt=now - KEPT, result_bytes__gt=0):
        drop(job)
    ended.filter(finished_at__lt=now - KEPT_JOBS).delete()

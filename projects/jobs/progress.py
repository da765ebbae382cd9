"""How far a job is, in numbers and words. Pure: `now` is passed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from projects import figures
from projects.models import Job, JobStatus

SPOKEN_PERCENT = 10
"""A screen reader hears of every tenth part, not of each second's."""
LONG_WAIT = timedelta(seconds=60)
SHORTEST_LEFT_MS = 1000.0
MIN_RATIO = 0.01
"""Before that the time left is a guess."""

STATES = {
    JobStatus.QUEUED: "quiet",
    JobStatus.RUNNING: "info",
    JobStatus.DONE: "good",
    JobStatus.FAILED: "error",
    JobStatus.CANCELLED: "quiet",
}


@dataclass(frozen=True, slots=True)
class Progress:
    """`percent` None: nobody can say. `spoken` changes rarely enough to be read out."""

    percent: int | None
    per_second: float | None
    left_ms: float | None
    total_estimate: int | None
    note: str
    spoken: str

    @property
    def left(self) -> str:
        return "" if self.left_ms is None else f"{figures.duration(max(self.left_ms, SHORTEST_LEFT_MS))} left"


def progress_of(job: Job, now: datetime) -> Progress:
    ratio = job.done_ratio
    percent = None if ratio is None else int(100 * min(ratio, 1))
    is_running = job.status == JobStatus.RUNNING
    elapsed = _elapsed_seconds(job)
    can_tell = is_running and bool(elapsed) and ratio is not None and ratio >= MIN_RATIO
    return Progress(
        percent=percent,
        per_second=job.done_count / elapsed if elapsed and job.done_count else None,
        left_ms=1000 * elapsed * (1 - ratio) / ratio if can_tell and elapsed and ratio else None,
        total_estimate=round(job.done_count / ratio) if can_tell and ratio else None,
        note=_note(job, now),
        spoken=_spoken(job, percent),
    )


def _elapsed_seconds(job: Job) -> float:
    """From its start to its last step."""
    if job.started_at is None or job.heartbeat_at is None:
        return 0
    return max((job.heartbeat_at - job.started_at).total_seconds(), 0)


def _note(job: Job, now: datetime) -> str:
    if job.status == JobStatus.QUEUED and now - job.created_at > LONG_WAIT:
        return (
            "No worker has taken it yet. Other long work goes first, or the platform's worker is not running."
        )
    if job.status == JobStatus.RUNNING and job.heartbeat_at and now - job.heartbeat_at > LONG_WAIT:
        return f"Its last step ended {figures.age(job.heartbeat_at, now)}. A worker takes it up again where it stopped."
    return ""


def _spoken(job: Job, percent: int | None) -> str:
    word = JobStatus(job.status).label
    if job.status != JobStatus.RUNNING or percent is None:
        return word
    return f"{word}, {percent // SPOKEN_PERCENT * SPOKEN_PERCENT} %"

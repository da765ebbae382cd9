"""How far a job is, in numbers and words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from projects.jobs.progress import progress_of
from projects.models import Job, JobStatus

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def job(**fields: Any) -> Job:
    begun = {
        "created_at": NOW - timedelta(seconds=20),
        "started_at": NOW - timedelta(seconds=10),
        "heartbeat_at": NOW,
    }
    return Job(**{"status": JobStatus.RUNNING, **begun, **fields})


def test_rate_and_time_left_come_from_what_was_done() -> None:
    found = progress_of(job(done_count=1000, done_ratio=0.25), NOW)
    assert (found.percent, found.per_second, found.left_ms, found.total_estimate) == (25, 100, 30_000, 4000)
    assert found.left == "30 s left"


@pytest.mark.parametrize("ratio", [None, 0.0, 0.001])
def test_nothing_is_promised_before_anything_is_known(ratio: float | None) -> None:
    found = progress_of(job(done_ratio=ratio), NOW)
    assert (found.left, found.total_estimate) == ("", None)


def test_a_job_that_has_ended_has_no_time_left() -> None:
    found = progress_of(job(status=JobStatus.DONE, done_count=1000, done_ratio=1.0), NOW)
    assert (found.percent, found.left, found.per_second) == (100, "", 100)


def test_screen_readers_hear_of_every_tenth_part_only() -> None:
    spoken = {progress_of(job(done_ratio=percent / 100), NOW).spoken for percent in range(30, 40)}
    assert spoken == {"Running, 30 %"}
    assert progress_of(job(status=JobStatus.FAILED, done_ratio=0.5), NOW).spoken == "Failed"


def test_a_wait_is_explained() -> None:
    assert progress_of(job(status=JobStatus.QUEUED), NOW).note == ""
    waiting = progress_of(job(status=JobStatus.QUEUED, created_at=NOW - timedelta(minutes=5)), NOW)
    assert "No worker has taken it yet" in waiting.note
    silent = progress_of(job(heartbeat_at=NOW - timedelta(minutes=3)), NOW)
    assert silent.note.startswith("Its last step ended 3 min ago.")

"""Exports hold every row that matches, once, the newest first, whatever the size of a step."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from projects.jobs import exporting, results, running, starting
from projects.jobs.exporting import Place, next_batch
from projects.jobs.registry import CannotStart, Request, Work, kind_of
from projects.models import Job, JobStatus
from tests.clients import ProjectClient, counts
from tests.projects.jobs.stage import make_user

pytestmark = pytest.mark.django_db

MOMENT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=5)
RANGE = {"start": (MOMENT - timedelta(days=1)).isoformat(), "end": (MOMENT + timedelta(hours=5)).isoformat()}


def send_spans(api: ProjectClient, *spans: Mapping[str, Any]) -> None:
    common = {"trace_id": "t1", "service_name": "api", "operation_name": "GET /", "duration_ms": 1.5}
    sent = [
        {"span_id": f"s{number}", "start_time": MOMENT.isoformat(), **common, **span}
        for number, span in enumerate(spans)
    ]
    assert counts(api.post("/api/v1/traces", {"spans": sent}))[0] == len(spans)


def export(api: ProjectClient, kind_name: str, **given: str) -> Job:
    kind = kind_of(kind_name)
    assert kind
    job = starting.start(kind, make_user(), api.project, {**RANGE, **given}, timezone.now())
    running.run_slice(60)
    job.refresh_from_db()
    assert (job.status, job.error) == (JobStatus.DONE, "")
    return job


def text_of(job: Job) -> str:
    return b"".join(results.plain_pieces(job)).decode()


def csv_rows(job: Job) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text_of(job), newline="")))


@pytest.mark.parametrize("batch", [1, 3, 10_000])
def test_rows_of_many_moments_and_of_the_same_one_are_there_once(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(exporting, "FIRST_BATCH", batch)
    monkeypatch.setattr(exporting, "LARGEST_BATCH", batch)
    moments = [MOMENT] * 7 + [MOMENT - timedelta(minutes=7 * number) for number in range(1, 9)]
    send_spans(api, *({"start_time": moment.isoformat()} for moment in moments))
    rows = csv_rows(export(api, "export_spans", format="csv"))
    assert sorted(row["span_id"] for row in rows) == sorted(f"s{number}" for number in range(15))
    assert [row["start_time"] for row in rows] == sorted((row["start_time"] for row in rows), reverse=True)


def test_batches_hold_as_many_rows_as_fit_into_a_step() -> None:
    assert next_batch(500, 500, 50_000) == 1000, "twice as many at most"
    assert next_batch(5000, 5000, 500_000) == 5000
    assert next_batch(1000, 1000, 8_000_000) == 500
    assert next_batch(500, 3, 30_000_000) == 1
    assert next_batch(500, 0, 0) == 500


def test_large_rows_are_read_in_steps_of_few(api: ProjectClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "FIRST_BATCH", 2)
    monkeypatch.setattr(exporting, "STEP_LENGTH", 50_000)
    send_spans(api, *({"tags": {"text": "x" * 20_000}} for _ in range(9)), *({} for _ in range(9)))
    kind = kind_of("export_spans")
    assert kind
    order = kind.check(Request({**RANGE, "format": "jsonl"}, api.project.pk, timezone.now()))
    steps = list(kind.run(Work(order.parameters, api.project.pk, timezone.now())))
    assert sum(step.done_count for step in steps) == 18
    assert max(len(step.text) for step in steps) < 100_000


def test_an_export_begun_before_batches_had_sizes_goes_on() -> None:
    place = Place(MOMENT, MOMENT, MOMENT, 77)
    assert Place.of_json(place.as_json()) == place
    assert Place.of_json(place.as_json()[:5]).batch == exporting.FIRST_BATCH


def test_a_window_that_takes_too_long_to_read_is_read_in_parts(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_spans(
        api, *({"start_time": (MOMENT - timedelta(minutes=number)).isoformat()} for number in range(9))
    )
    patience = itertools.chain([0.001] * 3, itertools.repeat(60))

    def read_slowly(*given: Any) -> Any:
        """Each second row takes a while, longer than the first tries may."""
        monkeypatch.setattr(exporting, "PATIENCE_SECONDS", next(patience))
        return read(given[0], given[1].extra(where=["pg_sleep(0.002) IS NOT NULL"]), given[2])

    read = exporting._read
    monkeypatch.setattr(exporting, "_read", read_slowly)
    rows = csv_rows(export(api, "export_spans"))
    assert [row["span_id"] for row in rows] == [f"s{number}" for number in range(9)]


def test_spans_are_exported_as_the_api_names_them(api: ProjectClient) -> None:
    send_spans(api, {"tags": {"http.route": "/pay"}, "status": "error", "http_status_code": 500})
    (row,) = [json.loads(line) for line in text_of(export(api, "export_spans", format="jsonl")).splitlines()]
    (read,) = api.results("/api/v1/traces/")
    assert set(row) == set(read)
    changed = {name for name in row if row[name] != read[name]}
    assert changed <= {"start_time", "received_at"}, "times are spelled with an offset"
    assert datetime.fromisoformat(row["start_time"]) == MOMENT


def test_only_what_matches_is_exported(api: ProjectClient, other_api: ProjectClient) -> None:
    send_spans(other_api, {"status": "error"})
    send_spans(api, {"status": "error"}, {"status": "ok"}, {"status": "error", "duration_ms": 900})
    rows = csv_rows(export(api, "export_spans", status="error", max_duration_ms="100"))
    assert [row["span_id"] for row in rows] == ["s0"]


def test_the_time_range_ends_before_its_end(api: ProjectClient) -> None:
    send_spans(api, {}, {"start_time": (MOMENT + timedelta(seconds=1)).isoformat()})
    rows = csv_rows(
        export(api, "export_spans", start=MOMENT.isoformat(), end=(MOMENT + timedelta(seconds=1)).isoformat())
    )
    assert [row["span_id"] for row in rows] == ["s0"]


def test_an_export_of_nothing_is_a_file_with_its_head(api: ProjectClient) -> None:
    job = export(api, "export_spans", format="csv")
    assert text_of(job).startswith("trace_id,span_id,")
    assert (job.done_count, csv_rows(job)) == (0, [])


def test_cells_that_spreadsheets_take_for_formulas_are_text(api: ProjectClient) -> None:
    hostile = '=HYPERLINK("http://x"),\n"<b>'
    send_spans(api, {"operation_name": hostile})
    (row,) = csv_rows(export(api, "export_spans"))
    assert row["operation_name"] == f"'{hostile}"


def test_points_are_exported_with_their_series(api: ProjectClient) -> None:
    points = [
        {"metric_name": name, "metric_value": number, "timestamp": MOMENT.isoformat(), "host_name": "web-1"}
        for number, name in enumerate(["cpu", "memory"])
    ]
    assert counts(api.post("/api/v1/metrics", {"metrics": points}))[0] == 2
    job = export(
        api, "export_points", format="jsonl", metric_name="cpu", aggregation="avg", group_by="host_name"
    )
    (row,) = [json.loads(line) for line in text_of(job).splitlines()]
    (read,) = api.results("/api/v1/metrics/?metric_name=cpu")
    assert set(row) == set(read)
    assert (row["metric_name"], row["host_name"], row["metric_value"]) == ("cpu", "web-1", 0)
    assert row["series_id"] == read["series_id"], "as text, all its digits"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"format": "xls"}, "CSV or JSON lines"),
        ({"start": ""}, "The start of the time range"),
        ({"start": "2026-03-01", "end": "2026-02-01"}, "later than the start"),
        ({"colour": "red"}, "can't be filtered by 'colour'"),
        ({"min_duration_ms": "slow"}, "min_duration_ms: Enter a number"),
        ({"service_name": "a\0b"}, "holds a character"),
    ],
)
def test_what_can_not_be_exported_is_refused_in_words(
    api: ProjectClient, given: Mapping[str, str], words: str
) -> None:
    kind = kind_of("export_spans")
    assert kind
    with pytest.raises(CannotStart, match=words):
        starting.start(kind, make_user(), api.project, {**RANGE, **given}, timezone.now())

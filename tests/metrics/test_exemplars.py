"""Exemplars lead from a metric to the trace a value was measured in; metadata says what a metric is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from metrics import metadata
from metrics.exemplars import ExemplarRecord
from metrics.exemplars import prepare as prepare_exemplars
from metrics.metadata import MetadataRecord
from metrics.models import MetricExemplar, MetricMetadata, MetricSeries
from metrics.recording import record_points
from metrics.records import PointRecord
from projects.models import Project
from storage.records import Answer, Bounds, Outcome, RecordError, Write, WriteRequest
from storage.writer import write_request
from tests.admin import superuser_client
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC).replace(microsecond=0)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
EXEMPLARS = "/api/v1/metrics/exemplars/"


@pytest.fixture(autouse=True)
def _nothing_known() -> Iterator[None]:
    metadata.forget_known()
    yield
    metadata.forget_known()


def bounds(project: Project) -> Bounds:
    return Bounds(project.pk, NOW, NOW - timedelta(days=1), NOW + timedelta(hours=1))


def store(prepared: tuple[Write, list[RecordError]]) -> list[RecordError]:
    """The errors of storing, then those of preparing; rows beside others' are not counted."""
    write, errors = prepared
    told: list[Outcome] = []

    def answer(outcome: Outcome) -> Answer:
        told[:] = [outcome]
        return Answer(202, b"")

    write_request(WriteRequest([write], answer, NOW))
    assert (told[0].inserted, told[0].duplicates) == (0, 0)
    return [*told[0].errors, *errors]


def exemplar(value: float = 0.7, seconds_ago: int = 0, **fields: Any) -> ExemplarRecord:
    known: dict[str, Any] = {"metric_name": "latency", "metric_type": "histogram", "tags": {"route": "/pay"}}
    return ExemplarRecord(**{**known, **fields}, value=value, timestamp=NOW - timedelta(seconds=seconds_ago))


def send(project: Project, *records: ExemplarRecord) -> list[RecordError]:
    return store(prepare_exemplars(enumerate(records), bounds(project)))


def describe(project: Project, *records: MetadataRecord, later: timedelta = timedelta(0)) -> int:
    """How many rows went to the store."""
    write, errors = metadata.prepare(enumerate(records), replace(bounds(project), received_at=NOW + later))
    assert errors == []
    if write.rows:
        store((write, errors))
    return len(write.rows)


def test_an_exemplar_is_read_back_with_its_series_and_its_trace(api: ProjectClient, project: Project) -> None:
    sent = exemplar(trace_id=TRACE.upper(), span_id="00F067AA0BA902B7", attributes={"user": "u-1"})
    assert send(project, sent) == []
    (found,) = api.results(EXEMPLARS)
    series = MetricSeries.objects.get(project=project)
    assert found == {
        "series_id": str(series.id),
        "metric_name": "latency",
        "metric_type": "histogram",
        "tags": {"route": "/pay"},
        "timestamp": found["timestamp"],
        "value": 0.7,
        "trace_id": TRACE,
        "span_id": "00f067aa0ba902b7",
        "attributes": {"user": "u-1"},
    }
    assert datetime.fromisoformat(found["timestamp"]) == NOW


def test_an_exemplar_belongs_to_the_series_of_the_points(project: Project) -> None:
    point = PointRecord(
        metric_name="latency",
        metric_type="histogram",
        tags={"route": "/pay"},
        metric_value=1.0,
        metric_unit="s",
    )
    assert record_points(project.pk, [point], NOW) == []
    send(project, exemplar())
    assert MetricSeries.objects.get(project=project).unit == "s"


def test_exemplars_sent_again_are_stored_once_and_those_without_a_trace_are_kept(project: Project) -> None:
    both = [exemplar(trace_id=TRACE, span_id="a"), exemplar(0.2)]
    assert send(project, *both) == []
    assert send(project, *both, exemplar(0.3, 5)) == []
    assert MetricExemplar.objects.filter(project=project).count() == 3
    assert MetricExemplar.objects.filter(project=project, trace_id="").count() == 2


def test_exemplars_of_one_moment_that_differ_in_value_alone_are_all_kept(project: Project) -> None:
    for _ in range(2):
        assert send(project, exemplar(0.2), exemplar(0.3), exemplar(0.2), exemplar(math.nan)) == []
    stored = MetricExemplar.objects.filter(project=project).values_list("value", flat=True)
    assert sorted(map(str, stored)) == ["0.2", "0.3", "nan"]


def test_an_exemplar_outside_the_bounds_is_an_error_and_the_others_are_stored(project: Project) -> None:
    errors = send(project, exemplar(seconds_ago=2 * 86400), exemplar(tags={"x" * 201: "1"}), exemplar())
    assert MetricExemplar.objects.filter(project=project).count() == 1
    assert [(error.index, error.field, error.code) for error in errors] == [
        (0, "timestamp", "too_old"),
        (1, "tags", "invalid"),
    ]


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("", [3, 2, 1]),
        (f"trace_id={TRACE.upper()}", [2]),
        ("metric_name=latency", [2, 1]),
        ("metric_name=nothing", []),
        ("start={start}", [3, 2]),
        ("end={start}", [1]),
        ("series_id={series_id}", [3]),
    ],
)
def test_exemplars_are_found_by_series_metric_trace_and_time(
    api: ProjectClient, project: Project, query: str, values: Sequence[float]
) -> None:
    send(
        project,
        exemplar(1, 60),
        exemplar(2, 30, trace_id=TRACE),
        exemplar(3, metric_name="depth", trace_id="t"),
    )
    series_id = MetricSeries.objects.get(project=project, name="depth").id
    start = (NOW - timedelta(seconds=45)).isoformat().replace("+00:00", "Z")
    asked = query.format(series_id=series_id, start=start)
    assert [found["value"] for found in api.results(f"{EXEMPLARS}?{asked}")] == values


@pytest.mark.parametrize(
    "query", ["series_id=x", "series_id=1.5", "series_id=99999999999999999999", "nothing=1"]
)
def test_what_no_exemplar_can_be_asked_for_is_400(api: ProjectClient, query: str) -> None:
    assert api.get(f"{EXEMPLARS}?{query}").status_code == 400


def test_pages_of_exemplars_at_one_time_hold_each_once(api: ProjectClient, project: Project) -> None:
    send(project, *[exemplar(number, trace_id=f"t{number}") for number in range(7)])
    seen: list[float] = []
    url: str | None = f"{EXEMPLARS}?page_size=3"
    while url:
        page = api.get(url).json()
        seen += [found["value"] for found in page["results"]]
        url = page["next"]
    assert sorted(seen) == list(range(7))


def test_another_project_sees_none_of_them(other_api: ProjectClient, project: Project) -> None:
    send(project, exemplar(trace_id=TRACE))
    assert other_api.results(f"{EXEMPLARS}?trace_id={TRACE}") == []


def test_the_page_of_a_series_links_its_exemplars_to_their_traces(project: Project) -> None:
    send(project, exemplar(trace_id=TRACE, attributes={"user": "<b>"}))
    series = MetricSeries.objects.get(project=project)
    shown = superuser_client().get(f"/admin/metrics/metricseries/{series.pk}/change/").content.decode()
    assert f'href="/admin/explore/traces/{TRACE}/?project={project.pk}"' in shown
    assert "user=&lt;b&gt;" in shown


def test_a_series_shows_the_description_of_its_metric(api: ProjectClient, project: Project) -> None:
    names = ("latency_bucket", "latency", "depth")
    record_points(project.pk, [PointRecord(metric_name=name, metric_value=1) for name in names], NOW)
    assert describe(project, MetadataRecord(metric_name="latency", description="How long it takes")) == 1
    described = {series["metric_name"]: series for series in api.results("/api/v1/metrics/series/")}
    assert {name: series["description"] for name, series in described.items()} == {
        "latency_bucket": "How long it takes",
        "latency": "How long it takes",
        "depth": "",
    }
    one = api.get(f"/api/v1/metrics/series/{described['latency']['series_id']}/").json()
    assert one["description"] == "How long it takes"


def test_the_newest_words_win_and_what_was_stored_is_not_written_again(project: Project) -> None:
    old = MetadataRecord(metric_name="latency", metric_type="histogram", metric_unit="s", description="old")
    new = MetadataRecord(metric_name="latency", metric_type="histogram", metric_unit="s", description="new")
    assert describe(project, old, old) == 1
    assert describe(project, old) == 0
    assert describe(project, old, new) == 1
    stored = MetricMetadata.objects.get(project=project)
    assert (stored.metric_type, stored.metric_unit, stored.description, stored.revision) == (
        "histogram", "s", "new", 2,
    )  # fmt: skip
    metadata.forget_known()
    assert describe(project, new) == 1
    assert MetricMetadata.objects.get(project=project).revision == 2


def test_words_that_another_process_overwrote_come_back_after_some_minutes(project: Project) -> None:
    ours = MetadataRecord(metric_name="latency", description="ours")
    assert describe(project, ours) == 1
    theirs, _ = metadata.prepare(
        [(0, MetadataRecord(metric_name="latency", description="theirs"))], bounds(project)
    )
    theirs.committed = None  # another process remembers it
    store((theirs, []))
    assert MetricMetadata.objects.get(project=project).description == "theirs"
    minute = timedelta(minutes=1)
    assert [describe(project, ours, later=minutes * minute) for minutes in (1, 2, 4, 5, 6)] == [0, 0, 0, 1, 0]
    assert MetricMetadata.objects.get(project=project).description == "ours"


def test_what_was_not_committed_is_not_taken_for_stored(project: Project) -> None:
    record = MetadataRecord(metric_name="latency", description="x" * 3000)
    write, _ = metadata.prepare([(0, record)], bounds(project))
    again, _ = metadata.prepare([(0, record)], bounds(project))
    assert len(write.rows) == len(again.rows) == 1
    store((again, []))
    assert MetricMetadata.objects.get(project=project).description == "x" * 1999 + "…"

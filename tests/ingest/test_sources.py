"""The page "Sources": what arrived, what was not stored and why."""

from __future__ import annotations

import html
import re
import threading
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from events.records import EventRecord
from ingest.models import SourceMinute, SourceProblem
from ingest.protocols.base import Batch, Head, Refusal
from ingest.protocols.native import NativeFormat
from ingest.sources import gathering, samples, storing
from ingest.sources.tallies import (
    MAX_PLACES,
    MAX_PROBLEMS,
    OTHER,
    Gathered,
    Problem,
    Source,
    Tally,
    place_of,
    refused,
    stored,
)
from ingest.sources_page.bars import bars_of
from projects.keys import create_key, revoke_key
from projects.models import Project, RetentionPolicy
from storage.records import Outcome, RecordError
from telemetry_platform.tasks import purge_ingest_memory
from tests.admin import member_client, superuser_client
from tests.clients import ProjectClient, client_of
from tests.ingest.browser_clients.pages import WebPage

pytestmark = pytest.mark.django_db

EVENTS = "/api/v1/events"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_gathered() -> None:
    gathering.gathered.take()


def page(project: Project) -> str:
    answer = superuser_client().get(f"{reverse('sources')}?project={project.pk}")
    assert answer.status_code == 200
    return words(answer.content.decode())


def words(markup: str) -> str:
    """The page as text, white space made one blank."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def minute_of(project: Project) -> SourceMinute:
    gathering.flush()
    return SourceMinute.objects.get(project_id=project.pk)


def test_what_a_key_sent_is_counted_by_format_and_path(api: ProjectClient) -> None:
    record = {"event_name": "hello", "id": str(uuid.uuid4()), "timestamp": timezone.now().isoformat()}
    api.post(EVENTS, record)
    answer = api.post(EVENTS, {"events": [record, {"event_name": "hello"}, {"event_nam": "x"}]})
    assert answer.status_code == 202
    row = minute_of(api.project)
    assert (row.format_name, row.path) == ("json", EVENTS)
    assert (row.request_count, row.refused_count) == (2, 0)
    assert (row.record_count, row.duplicate_count, row.rejected_count) == (2, 1, 1)
    assert row.byte_count > 100
    text = page(api.project)
    assert "JSON /api/v1/events" in text
    assert "1 reason why not all of it was stored" in text


def test_a_rejected_record_is_shown_with_its_reason_and_without_secrets(api: ProjectClient) -> None:
    bad = {"event_name": "login", "colour": "red", "password": "hunter2", "user_id": "bob@example.com"}
    api.post(EVENTS, {"events": [bad] * 3})
    text = page(api.project)
    assert "unknown_field colour 3 records" in text
    assert '"event_name":"login"' in text
    assert '"user_id":"***"' in text
    assert "hunter2" not in text


def test_a_record_older_than_its_retention_is_told_how_long_that_is(api: ProjectClient) -> None:
    RetentionPolicy.objects.create(project=api.project, events_days=45)
    old = (timezone.now() - timedelta(days=50)).isoformat()
    api.post(EVENTS, {"event_name": "ancient", "timestamp": old})
    text = page(api.project)
    assert "too_old timestamp 1 record" in text
    assert "This project keeps events for 45 days" in text
    assert "ancient" in text


REFUSALS: list[tuple[str, dict[str, str], bytes]] = [
    ("400 malformed", {}, b"{"),
    ("415 unsupported_media_type", {"CONTENT_TYPE": "application/xml"}, b"<a/>"),
    ("415 unsupported_encoding", {"HTTP_CONTENT_ENCODING": "zstd"}, b"{}"),
    ("413 too_large", {}, b'{"events":[' + b"{}," * 10_001 + b"{}]}"),
    ("422 idempotency_mismatch", {"HTTP_IDEMPOTENCY_KEY": "k"}, b'{"event_name": "second"}'),
]


@pytest.mark.parametrize(("reason", "headers", "body"), REFUSALS)
def test_requests_refused_whole_are_counted_with_their_reason(
    api: ProjectClient, reason: str, headers: dict[str, str], body: bytes
) -> None:
    api.send("POST", EVENTS, b'{"event_name": "first"}', HTTP_IDEMPOTENCY_KEY="k")
    api.send("POST", EVENTS, body, **headers)
    gathering.flush()
    rows = SourceMinute.objects.filter(project_id=api.project.pk)
    sums = rows.aggregate(Sum("request_count"), Sum("refused_count"), Sum("record_count"))
    assert list(sums.values()) == [2, 1, 1]
    assert f"{reason} 1 request" in page(api.project)


def test_a_key_without_the_scope_and_a_key_past_its_rate_show(project: Project) -> None:
    client_of(project, ["read"]).post(EVENTS, {"event_name": "x"})
    limited = client_of(project, rate_limit_per_second=1)
    for _ in range(20):
        limited.post(EVENTS, {"event_name": "x"})
    WebPage(project, "https://evil.example", allowed_origins=["https://shop.example"]).fetch(EVENTS, {})
    text = page(project)
    for reason in ("403 missing_scope", "429 throttled", "403 origin_not_allowed"):
        assert reason in text


def test_unknown_and_revoked_keys_count_without_a_project_and_are_never_shown(project: Project) -> None:
    row, text = create_key(project, "old", ["ingest"])
    revoke_key(row)
    for key in (text, "tp_nobody_has_this_key"):
        Client().post(EVENTS, b"{}", content_type="application/json", HTTP_X_API_KEY=key)
    Client().post(EVENTS, b"{}", content_type="application/json")
    shown = page(project)
    assert "No known key of any project" in shown
    assert "401 invalid_key 2 requests" in shown
    assert "401 not_authenticated 1 request" in shown
    assert "nobody_has_this_key" not in shown


def test_other_projects_see_nothing_of_it(api: ProjectClient, other_project: Project) -> None:
    api.post(EVENTS, {"event_name": "ours", "colour": "red"})
    assert "colour" in page(api.project)
    text = page(other_project)
    assert "colour" not in text
    assert "Nothing has arrived in the last day" in text or "No known key" in text


def test_members_see_their_projects_alone(api: ProjectClient, other_project: Project) -> None:
    api.post(EVENTS, {"event_name": "ours"})
    url = f"{reverse('sources')}?project={api.project.pk}"
    member = member_client(other_project, "ingest.sourceminute")
    answer = member.get(url)
    assert answer.context["project"] == other_project
    assert f'<option value="{api.project.pk}"' not in answer.content.decode()
    assert member_client(api.project).get(url).status_code == 403
    assert "/login/" in Client().get(url).headers["Location"]


def test_an_empty_page_says_how_to_begin(project: Project) -> None:
    text = page(project)
    assert "Nothing has arrived in the last day" in text
    assert "curl http" in text
    assert "events from" in text


def test_the_number_of_queries_does_not_depend_on_what_arrived(
    project: Project, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = superuser_client()
    for _ in range(5):
        client_of(project).post(EVENTS, {"event_name": "x", "colour": "red"})
    gathering.flush()
    with django_assert_max_num_queries(12):
        client.get(f"{reverse('sources')}?project={project.pk}")
    with django_assert_max_num_queries(12):
        client.get(f"{reverse('how_to_send')}?project={project.pk}")


def test_what_several_processes_counted_is_added_up(project: Project) -> None:
    source = Source(project.pk, 1, "json", EVENTS)
    errors = [RecordError(0, "a", "invalid", "no")]
    for _ in range(2):
        tally = stored(Outcome(5, 1, errors), 100, NOW, (), lambda indexes: {})
        storing.add_up({place_of(source, NOW): tally})
    row = SourceMinute.objects.get(project_id=project.pk)
    assert (row.record_count, row.duplicate_count, row.byte_count, row.request_count) == (10, 2, 200, 2)
    assert row.minute == NOW.replace(second=0)
    problem = SourceProblem.objects.get(project_id=project.pk)
    assert (problem.count, problem.code, problem.message) == (2, "invalid", "no")


def test_a_store_that_is_away_loses_nothing_and_raises_nothing(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.post(EVENTS, {"event_name": "first"})
    with monkeypatch.context() as away:
        # Another thread, which has to connect first, as the flusher's own does after an outage.
        away.setitem(connection.settings_dict, "HOST", "/nonexistent")
        flusher = threading.Thread(target=gathering.flush)
        flusher.start()
        flusher.join()
    api.post(EVENTS, {"event_name": "second"})
    assert minute_of(api.project).record_count == 2


def test_what_is_a_day_old_is_deleted_by_the_maintenance_task(project: Project) -> None:
    source = Source(project.pk, 1, "json", EVENTS)
    now = timezone.now()
    refusal = Refusal(400, "malformed", "no")
    for hours in (0, 24, 26, 200):
        at = now - timedelta(hours=hours)
        storing.add_up({place_of(source, at): refused(refusal, 1, at)})
    purge_ingest_memory()
    assert SourceMinute.objects.filter(project_id=project.pk).count() == 2
    assert SourceProblem.objects.filter(project_id=project.pk).count() == 2


def test_names_of_fields_that_clients_make_up_fill_no_memory() -> None:
    gathered = Gathered()
    place = place_of(Source(1, 1, "json", EVENTS), NOW)
    for number in range(10):
        errors = [RecordError(n, f"field{number}-{n}", "unknown_field", "?") for n in range(1000)]
        known = gathered.known(place)
        gathered.add(place, stored(Outcome(errors=errors), 0, NOW, known, lambda indexes: {}))
    (tally,) = gathered.take().values()
    assert len(tally.problems) <= MAX_PROBLEMS + 1
    assert tally.problems[OTHER].count == 10_000 - MAX_PROBLEMS
    assert tally.rejected == 10_000


def test_only_the_first_record_of_a_kind_is_read_again_in_a_minute() -> None:
    gathered = Gathered()
    place = place_of(Source(1, 1, "json", EVENTS), NOW)
    read: list[list[int]] = []

    def excerpts(indexes: Any) -> dict[int, str]:
        read.append(list(indexes))
        return dict.fromkeys(indexes, "sample")

    errors = [
        RecordError(7, "a", "invalid", "?"),
        RecordError(8, "a", "invalid", "?"),
        RecordError(9, "b", "nul", "?"),
    ]
    for _ in range(3):
        gathered.add(place, stored(Outcome(errors=errors), 0, NOW, gathered.known(place), excerpts))
        gathered.take()
    assert read == [[7, 9]]


def test_a_store_that_is_away_for_long_fills_no_memory() -> None:
    gathered = Gathered()
    for number in range(MAX_PLACES + 10):
        gathered.add(place_of(Source(1, number, "json", EVENTS), NOW), Tally(NOW, requests=1))
    taken = gathered.take()
    assert len(taken) == MAX_PLACES
    gathered.give_back(taken, NOW + timedelta(hours=2))
    assert gathered.take() == {}


@given(st.text(), st.text(), st.text())
def test_any_text_of_a_client_can_be_stored(code: str, field: str, message: str) -> None:
    errors = [RecordError(0, field, code, message)]
    tally = stored(
        Outcome(errors=errors), 0, NOW, (), lambda indexes: {0: samples.shortened({field: message})}
    )
    source = Source(1, 1, "json", EVENTS)
    storing.add_up({place_of(source, NOW): tally})
    storing.add_up({place_of(source, NOW): refused(Refusal(400, code, message), 0, NOW)})


def test_bars_show_a_minute_each_and_what_was_not_stored_on_top() -> None:
    bars = bars_of({NOW.replace(second=0): (10, 5), NOW - timedelta(minutes=59, seconds=5): (0, 15)}, NOW)
    assert bars.stored == "M59 24.0v-16.0h0.8v16.0z"
    assert bars.not_stored == "M59 8.0v-8.0h0.8v8.0zM0 24.0v-24.0h0.8v24.0z"
    assert "at most 15 a minute" in bars.words
    assert bars_of({}, NOW).words == "Nothing in the last hour"
    assert bars_of({NOW - timedelta(hours=3): (1, 1)}, NOW).stored == ""


def test_problem_kinds_of_refusals_are_kept_apart_by_status() -> None:
    tally = refused(Refusal(503, "queue_full", "full"), 7, NOW)
    tally.merge(refused(Refusal(429, "throttled", "slow"), 7, NOW))
    assert set(tally.problems) == {Problem(503, "queue_full"), Problem(429, "throttled")}
    assert (tally.refused, tally.byte_count) == (2, 14)


def test_a_number_of_any_size_can_be_shown() -> None:
    assert samples.shortened({"n": 2**200, "x": float("inf")}).startswith('{"n":1606938')


class _Broken(NativeFormat[EventRecord]):
    """A format that fails when it is asked again."""

    def excerpts(self, body: bytes, head: Head, indexes: Sequence[int]) -> dict[int, bytes]:
        raise MemoryError


def test_a_sample_that_cannot_be_made_harms_nobody() -> None:
    wire = _Broken("events", EventRecord, "events")
    assert samples.excerpts(wire, Batch([]), b"", Head(), [0]) == {}


def test_records_of_foreign_formats_are_shown_as_they_were_understood(api: ProjectClient) -> None:
    point = {
        "timeUnixNano": "1500000000000000000",
        "count": "2",
        "sum": 3.0,
        "explicitBounds": [1],
        "bucketCounts": ["1", "1"],
    }
    metric = {"name": "latency", "histogram": {"aggregationTemporality": 1, "dataPoints": [point]}}
    answer = api.post("/v1/metrics", {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]})
    assert answer.status_code == 200
    text = page(api.project)
    assert "OTLP /v1/metrics" in text
    assert "This project keeps metric points for 180 days" in text
    assert '"metric_name":"latency"' in text


def test_a_key_at_the_wrong_place_of_a_url_is_not_shown(api: ProjectClient) -> None:
    answer = api.post(f"{EVENTS}?{api.key}=1", {"event_name": "x"})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_parameter")
    assert api.key not in answer.json()["detail"]
    text = page(api.project)
    assert "Unknown query parameter" in text
    assert "tp_" not in text.partition("Unknown query parameter")[2][:100]


def test_a_key_in_the_name_of_a_field_is_not_shown(api: ProjectClient) -> None:
    api.post(
        EVENTS,
        {
            "events": [
                {
                    "event_name": "x",
                    api.key: 1,
                },
                {"event_name": "x", "ann@example.com": 1},
            ]
        },
    )
    text = page(api.project)
    assert "unknown_field" in text
    assert api.key not in text
    assert "ann@example.com" not in text

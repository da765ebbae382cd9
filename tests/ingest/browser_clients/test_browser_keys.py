"""Browser keys are public: what they may send, from where, and how much."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from events.records import EventRecord
from ingest.browser_keys import keep_allowed_events
from ingest.protocols.base import Batch, Decoded
from metrics.models import MetricMetadata
from projects.api.authentication import TokenBucket
from projects.keys import create_browser_key, identity_of_key
from projects.models import ApiKey, KeyKind, Project
from tests.clients import ProjectClient, client_of, counts, places
from tests.ingest.browser_clients.pages import SHOP, WebPage
from tests.ingest.otlp.messages import PROTOBUF, metrics, now_nanos

pytestmark = pytest.mark.django_db

EVENTS = "/api/v1/events"
HELLO = {"event_name": "hello"}
POINT = {"metrics": [{"metric_name": "load", "metric_value": 1}]}


def named(*names: str) -> dict[str, Any]:
    return {"events": [{"event_name": name} for name in names]}


def test_a_browser_key_sends_and_can_do_nothing_else(project: Project) -> None:
    page = WebPage(project)
    assert counts(page.fetch(EVENTS, HELLO)) == (1, 0, 0)
    reader = ProjectClient(page.key, project)
    for path in (EVENTS, "/api/v1/alert-rules/"):
        answer = reader.get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


def test_the_database_keeps_browser_keys_from_reading(project: Project) -> None:
    row, _ = create_browser_key(project, "web")
    row.scopes = ["ingest", "read"]
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (SHOP, 202),
        ("https://SHOP.example.com", 202),
        ("https://a.cdn.example.net", 202),
        ("https://a.b.cdn.example.net", 202),
        ("http://localhost:3000", 202),
        ("http://shop.example.com", 403),
        ("https://shop.example.com:8443", 403),
        ("https://evil-shop.example.com", 403),
        ("https://shop.example.com.evil.example", 403),
        ("https://cdn.example.net", 403),
        ("https://evilcdn.example.net", 403),
        ("https://evil.com#.cdn.example.net", 403),
        ("https://evil.com/.cdn.example.net", 403),
        ("https://evil.com\\.cdn.example.net", 403),
        ("https://evil.com:80.cdn.example.net", 403),
        ("https://evil.com@a.cdn.example.net", 403),
        ("null", 403),
        (None, 403),
    ],
)
def test_a_key_with_origins_is_for_these_alone(project: Project, origin: str | None, status: int) -> None:
    allowed = [SHOP, "https://*.cdn.example.net", "http://localhost:3000"]
    answer = WebPage(project, origin, allowed_origins=allowed).fetch(EVENTS, HELLO)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "origin_not_allowed"


@pytest.mark.parametrize("origin", [SHOP, "https://elsewhere.example", "null", None])
def test_a_key_without_origins_is_for_all(project: Project, origin: str | None) -> None:
    assert WebPage(project, origin).fetch(EVENTS, HELLO).status_code == 202


def test_only_the_listed_events_are_stored_and_the_others_are_named(
    project: Project, api: ProjectClient
) -> None:
    page = WebPage(project, allowed_event_names=["page_view", "checkout"])
    answer = page.fetch(EVENTS, named("page_view", "refund", "checkout"))
    assert counts(answer) == (2, 0, 1)
    assert places(answer) == [(1, "event_name", "event_name_not_allowed")]
    assert "'refund'" in answer.json()["errors"][0]["message"]
    assert {row["event_name"] for row in api.results(EVENTS)} == {"page_view", "checkout"}


def test_a_key_with_listed_events_sends_nothing_that_is_no_event(
    project: Project, api: ProjectClient
) -> None:
    answer = WebPage(project, allowed_event_names=["page_view"]).fetch("/api/v1/metrics", POINT)
    assert counts(answer) == (0, 0, 1)
    assert places(answer) == [(0, "", "event_name_not_allowed")]
    assert api.results("/api/v1/metrics") == []


def test_nothing_beside_points_comes_through_either(project: Project, api: ProjectClient) -> None:
    now = now_nanos()
    metric = Metric(name="load", description="How busy it is", unit="1")
    point = metric.gauge.data_points.add(as_double=1, time_unix_nano=now)
    point.exemplars.add(as_double=1, time_unix_nano=now, trace_id=b"t" * 16, span_id=b"s" * 8)
    page = WebPage(project, allowed_event_names=["page_view"])
    answer = page.fetch("/v1/metrics", metrics(metric).SerializeToString(), PROTOBUF)
    assert answer.status_code == 200
    for path in ("", "series/", "exemplars/"):
        assert api.results(f"/api/v1/metrics/{path}") == []
    assert not MetricMetadata.objects.filter(project=project).exists()


def test_names_are_looked_at_in_foreign_formats_too(project: Project, api: ProjectClient) -> None:
    page = WebPage(project, allowed_event_names=["order.placed"])
    batch = [
        {"specversion": "1.0", "id": name, "source": "/shop", "type": name}
        for name in ("order.placed", "order.lost")
    ]
    answer = page.fetch(EVENTS, batch, "application/cloudevents-batch+json")
    assert places(answer) == [(1, "event_name", "event_name_not_allowed")]
    assert [row["event_name"] for row in api.results(EVENTS)] == ["order.placed"]


def test_what_goes_along_with_an_event_goes_and_stays_with_it(project: Project) -> None:
    events = [(index, EventRecord(event_name=name)) for index, name in enumerate(("identify", "refund"))]
    alongside = [(index, EventRecord(event_name="link")) for index in range(2)]
    batch = Batch([Decoded("events", events), Decoded("identities", alongside)])
    row, _ = create_browser_key(project, "web", allowed_event_names=["identify"])
    assert batch.record_count == 2
    keep_allowed_events(batch, identity_of_key(row))
    assert [[index for index, _ in part.records] for part in batch.parts] == [[0], [0]]
    assert [len(part.errors) for part in batch.parts] == [1, 0]


@pytest.fixture
def _still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the rate limit alone no time goes by, however busy this machine is."""
    monkeypatch.setattr("projects.api.authentication.time", SimpleNamespace(monotonic=lambda: 1000.0))


@pytest.mark.usefixtures("_still_clock")
def test_a_large_batch_passes_once_and_is_paid_off_by_waiting(project: Project) -> None:
    page = WebPage(project, record_limit_per_second=10)
    assert counts(page.fetch(EVENTS, named(*["hello"] * 600))) == (600, 0, 0)
    answer = page.fetch(EVENTS, HELLO)
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
    # 590 records past the ten that were there, and this one, at ten a second.
    assert answer["Retry-After"] == "60"
    assert answer["X-RateLimit-Reset"] == answer["Retry-After"]
    assert answer["Access-Control-Allow-Origin"] == SHOP


@pytest.mark.usefixtures("_still_clock")
def test_rejected_records_count_against_the_rate_too(project: Project) -> None:
    page = WebPage(project, record_limit_per_second=10, allowed_event_names=["page_view"])
    assert counts(page.fetch(EVENTS, named(*["refund"] * 50))) == (0, 0, 50)
    assert page.fetch(EVENTS, named("page_view")).status_code == 429


@pytest.mark.usefixtures("_still_clock")
def test_a_server_key_pays_for_requests_and_not_for_records(project: Project) -> None:
    client = client_of(project, rate_limit_per_second=2)
    assert counts(client.post(EVENTS, named(*["hello"] * 500))) == (500, 0, 0)
    assert client.post(EVENTS, HELLO).status_code == 202
    assert client.post(EVENTS, HELLO).status_code == 429


def test_a_bucket_in_debt_fills_at_its_rate() -> None:
    bucket = TokenBucket(10, now=0)
    assert bucket.take(0) == 0
    bucket.owe(29)
    assert bucket.take(1) == pytest.approx(1.1)
    assert bucket.take(2.05) == pytest.approx(0.05)
    assert bucket.take(2.1) == 0
    assert bucket.take(100) == 0
    assert bucket.tokens == 9


def key_form(project: Project, **fields: Any) -> dict[str, Any]:
    return {"project": project.pk, "name": "web", "kind": "browser", "rate_limit_per_second": "", **fields}


def test_the_form_makes_browser_keys_that_only_send(admin_client: Client, project: Project) -> None:
    form = key_form(
        project,
        scopes=["ingest", "read", "manage"],
        record_limit_per_second="",
        rate_limit_per_second="5",
        allowed_origins="https://Shop.Example.com:443/\n\nhttps://*.example.net\nhttps://shop.example.com",
        allowed_event_names="page_view\n checkout ",
    )
    admin_client.post(reverse("admin:projects_apikey_add"), form)
    row = ApiKey.objects.get(project=project)
    assert (row.kind, row.scopes, row.rate_limit_per_second) == (KeyKind.BROWSER, ["ingest"], None)
    assert row.record_limit_per_second == 100
    assert row.allowed_origins == [SHOP, "https://*.example.net"]
    assert row.allowed_event_names == ["page_view", "checkout"]


@pytest.mark.parametrize(
    "origin",
    [
        "shop.example.com",
        "https://",
        "https://shop.example.com/page",
        "https://user@shop.example.com",
        "https://*.*.example.com",
        "https://shop.*.com",
        "*",
        "null",
        "https://shop.example.com:99999",
        "https://[::1",
        "https://a b.example.com",
    ],
)
def test_the_form_refuses_what_is_no_origin(admin_client: Client, project: Project, origin: str) -> None:
    form = key_form(project, allowed_origins=f"{SHOP}\n{origin}")
    page = admin_client.post(reverse("admin:projects_apikey_add"), form).content.decode()
    assert "must be like https://shop.example.com" in page
    assert not ApiKey.objects.filter(project=project).exists()


def test_a_key_keeps_its_kind_and_changes_count_at_once(admin_client: Client, project: Project) -> None:
    page = WebPage(project, "https://elsewhere.example")
    assert page.fetch(EVENTS, HELLO).status_code == 202
    form = key_form(project, kind="server", scopes=["read"], allowed_origins=SHOP)
    admin_client.post(reverse("admin:projects_apikey_change", args=[page.row.pk]), form)
    row = ApiKey.objects.get(project=project)
    assert (row.kind, row.scopes, row.allowed_origins) == (KeyKind.BROWSER, ["ingest"], [SHOP])
    assert page.fetch(EVENTS, HELLO).status_code == 403


def test_a_server_key_without_a_scope_is_refused(admin_client: Client, project: Project) -> None:
    form = key_form(project, kind="server", allowed_origins=SHOP)
    page = admin_client.post(reverse("admin:projects_apikey_add"), form).content.decode()
    assert "A key without a scope can do nothing." in page


def test_what_only_browser_keys_have_is_not_kept_for_server_keys(
    admin_client: Client, project: Project
) -> None:
    form = key_form(
        project, kind="server", scopes=["ingest"], allowed_origins=SHOP, record_limit_per_second=5
    )
    admin_client.post(reverse("admin:projects_apikey_add"), form)
    row = ApiKey.objects.get(project=project)
    assert (row.allowed_origins, row.record_limit_per_second) == ([], None)

"""`navigator.sendBeacon`: JSON as text/plain, the key in the URL or in the body."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.protocols.beacons import without_write_key, write_key
from projects.models import Project
from tests.clients import ProjectClient, counts, places
from tests.ingest.browser_clients.pages import SHOP, WebPage

EVENTS = "/api/v1/events"
NOW_BODIES: dict[str, dict[str, Any]] = {
    EVENTS: {"events": [{"event_name": "left"}]},
    "/api/v1/metrics": {"metrics": [{"metric_name": "lcp", "metric_value": 2.5}]},
    "/api/v1/business-metrics": {
        "metrics": [
            {
                "metric_name": "carts", "metric_value": 3,
                "period_start": "2026-01-01T00:00:00Z", "period_end": "2099-01-01T00:00:00Z",
            }
        ]
    },
}  # fmt: skip
SPAN = {
    "trace_id": "1" * 32, "span_id": "1" * 16, "service_name": "web", "operation_name": "load", "duration_ms": 3,
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/metrics", "/api/v1/business-metrics"])
def test_the_key_comes_in_the_body_or_in_the_url(project: Project, path: str) -> None:
    page = WebPage(project, allowed_origins=[SHOP])
    in_body = page.beacon(path, {"writeKey": page.key, **NOW_BODIES[path]})
    in_url = page.beacon(f"{path}?access_token={page.key}", NOW_BODIES[path])
    assert counts(in_body)[0] == 1
    assert sum(counts(in_url)[:2]) == 1
    assert in_url["Cache-Control"] == "private"
    assert "Cache-Control" not in in_body


@pytest.mark.django_db
def test_one_bare_event_brings_its_key_too(project: Project, api: ProjectClient) -> None:
    page = WebPage(project)
    assert counts(page.beacon(EVENTS, {"event_name": "left", "writeKey": page.key})) == (1, 0, 0)
    (row,) = api.results(EVENTS)
    assert row["event_name"] == "left"
    assert page.key not in json.dumps(row)


@pytest.mark.django_db
def test_bad_records_of_a_beacon_are_named_by_their_places(project: Project) -> None:
    page = WebPage(project)
    answer = page.beacon(
        EVENTS, {"events": [{"event_name": "left"}, {"event_nam": "x"}], "writeKey": page.key}
    )
    assert counts(answer) == (1, 0, 1)
    assert [place[0] for place in places(answer)] == [1]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        {"events": [{"event_name": "left"}]},
        {"writeKey": "tp_unknown", "events": []},
        {"writeKey": 5, "events": []},
        {"writeKey": "x" * 5000, "events": []},
        {"events": [{"event_name": "left", "writeKey": "tp_in_the_wrong_place"}]},
        b"not json, writeKey or not",
        b'{"writeKey":' + b"[" * 100_000,
        b"",
    ],
)
def test_a_beacon_without_a_good_key_is_unauthorized(project: Project, body: Any) -> None:
    assert WebPage(project).beacon(EVENTS, body).status_code == 401


@pytest.mark.django_db
def test_a_key_in_a_json_body_is_an_unknown_field_and_no_key(project: Project, api: ProjectClient) -> None:
    page = WebPage(project)
    body = {"writeKey": page.key, "events": [{"event_name": "left"}]}
    assert page._send(EVENTS, body, "application/json").status_code == 401
    assert api.post(EVENTS, body).json()["code"] == "malformed"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/v1/traces", "/v1/metrics", "/v1/logs", "/api/v1/write"])
def test_formats_that_are_no_json_do_not_take_beacons(project: Project, path: str) -> None:
    page = WebPage(project)
    assert page.fetch(path, {}, "text/plain").status_code == 415
    assert page.beacon(f"{path}?access_token={page.key}", {}).status_code == 415
    assert page.beacon(path, {"writeKey": page.key}).status_code == 401


@given(st.binary() | st.binary().map(lambda middle: b'{"writeKey":' + middle + b"}"))
def test_any_bytes_have_a_key_or_none(body: bytes) -> None:
    assert isinstance(write_key(body), str)
    assert isinstance(without_write_key(body), bytes)


@given(
    st.text(max_size=100),
    st.dictionaries(st.text().filter(lambda name: name != "writeKey"), st.integers() | st.text()),
)
def test_a_body_without_its_key_is_the_body_it_was(key: str, members: dict[str, Any]) -> None:
    body = json.dumps({"writeKey": key, **members}).encode()
    assert write_key(body) == key.strip()
    assert json.loads(without_write_key(body)) == members


@pytest.mark.django_db
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_beacon_brings_its_key_too(project: Project, encoding: str) -> None:
    page = WebPage(project)
    body = json.dumps({"writeKey": page.key, "events": [{"event_name": "left"}]}).encode()
    squeezed = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
    assert counts(page.beacon(EVENTS, squeezed, HTTP_CONTENT_ENCODING=encoding)) == (1, 0, 0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("gzip", b"not gzip", 400),
        ("zstd", b"{}", 415),
        ("gzip", gzip.compress(b" " * 50_000_001, mtime=0), 413),
    ],
    ids=["broken", "unknown", "too large"],
)
def test_a_beacon_that_cannot_be_inflated_is_told_so(
    project: Project, encoding: str, body: bytes, status: int
) -> None:
    answer = WebPage(project).beacon(EVENTS, body, HTTP_CONTENT_ENCODING=encoding)
    assert answer.status_code == status


@pytest.mark.django_db
def test_a_key_may_have_its_name_escaped(project: Project) -> None:
    page = WebPage(project)
    body = rb'{"write\u004bey": "' + page.key.encode() + rb'", "events": [{"event_name": "left"}]}'
    assert counts(page.beacon(EVENTS, body)) == (1, 0, 0)

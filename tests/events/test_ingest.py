"""Events go in and come out, through HTTP."""

from __future__ import annotations

import gzip
import json
import time
import uuid
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from projects.models import Project
from tests.clients import ProjectClient, client_of, counts, places

EVENTS = "/api/v1/events"


def now_text(**shift: float) -> str:
    return (datetime.now(UTC) + timedelta(**shift)).isoformat()


def test_a_posted_event_is_read_back_with_everything_it_carried(api: ProjectClient) -> None:
    event: dict[str, Any] = {
        "event_name": "order_paid",
        "event_type": "business",
        "event_category": "checkout",
        "timestamp": now_text(days=-2),
        "id": str(uuid.uuid4()),
        "user_id": "u1",
        "anonymous_id": "a1",
        "tenant_id": "t1",
        "session_id": "s1",
        "source": "shop",
        "source_ip": "192.0.2.1",
        "user_agent": "curl/8",
        "duration_ms": 12.5,
        "severity": "info",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": "00f067aa0ba902b7",
        "tags": {"region": "eu", "n": 1},
        "properties": {"total": 9.99, "items": [{"sku": "x"}]},
    }
    assert counts(api.post(EVENTS, {"events": [event]})) == (1, 0, 0)
    (stored,) = api.results(EVENTS + "/")
    stored.pop("received_at")
    assert datetime.fromisoformat(stored.pop("timestamp")) == datetime.fromisoformat(event.pop("timestamp"))
    assert stored == event


def test_one_bare_event_is_taken_without_a_list(api: ProjectClient) -> None:
    assert counts(api.post(EVENTS, {"event_name": "ping"})) == (1, 0, 0)
    assert [row["event_name"] for row in api.results(EVENTS)] == ["ping"]


def test_older_field_names_are_aliases(api: ProjectClient) -> None:
    api.post(EVENTS, {"event_name": "x", "license_id": "l1", "event_data": {"a": 1}})
    (stored,) = api.results(f"{EVENTS}/?license_id=l1&properties.a=1")
    assert (stored["tenant_id"], stored["properties"]) == ("l1", {"a": 1})


def test_good_records_are_stored_and_bad_ones_named_and_a_second_try_stores_none(api: ProjectClient) -> None:
    good = [{"event_name": f"e{n}", "id": f"order-{n}", "timestamp": now_text()} for n in range(3)]
    batch = [good[0], {"event_name": ""}, good[1], {"event_name": "x", "duration_ms": "long"}, good[2]]
    first = api.post(EVENTS, {"events": batch})
    assert counts(first) == (3, 0, 2)
    assert places(first) == [(1, "event_name", "invalid"), (3, "duration_ms", "invalid")]
    assert counts(api.post(EVENTS, {"events": batch})) == (0, 3, 2)
    assert len(api.results(EVENTS)) == 3


BAD_RECORDS: list[tuple[bytes, str, str]] = [
    (b"{}", "event_name", "required"),
    (b'{"event_name": 5}', "event_name", "invalid"),
    (b'{"event_name": "x", "colour": 1}', "colour", "unknown_field"),
    (b'{"event_name": "x", "timestamp": "yesterday"}', "timestamp", "invalid"),
    (b'{"event_name": "x", "timestamp": 1e300}', "timestamp", "invalid"),
    (b'{"event_name": "x", "timestamp": "0001-01-01T00:00:00+05:00"}', "timestamp", "invalid"),
    (b'{"event_name": "x", "timestamp": 99999999999999999999999999}', "timestamp", "invalid"),
    (b'{"event_name": "x", "timestamp": ' + b"9" * 400 + b"}", "timestamp", "invalid"),
    (b'{"event_name": "x", "timestamp": 1500000000}', "timestamp", "too_old"),
    (b'{"event_name": "x", "timestamp": "2999-01-01T00:00:00Z"}', "timestamp", "in_future"),
    (b'{"event_name": "a\\u0000b"}', "event_name", "nul"),
    (b'{"event_name": "x", "properties": {"k\\u0000": 1}}', "properties", "nul"),
    (b'{"event_name": "x", "properties": [1]}', "properties", "invalid"),
    (b'{"event_name": "x", "properties": {"a": 1e400}}', "properties", "invalid"),
    (b'{"event_name": "x", "source_ip": "here"}', "source_ip", "invalid"),
    (b'{"event_name": "x", "source_ip": "fe80::1%eth0"}', "source_ip", "invalid"),
    (b'{"event_name": "x", "duration_ms": -1}', "duration_ms", "invalid"),
    (b'{"event_name": "x", "user_id": {"a": 1}}', "user_id", "invalid"),
    (b'{"event_name": "x", "user_id": ' + b"9" * 251 + b"}", "user_id", "invalid"),
    (b'{"event_name": "x", "tenant_id": "a", "license_id": "b"}', "license_id", "given_twice"),
    (b'{"event_name": "x", "properties": {}, "event_data": {}}', "event_data", "given_twice"),
    (b'{"event_name": "' + b"x" * 201 + b'"}', "event_name", "invalid"),
    (b'{"event_name": "x", "id": ""}', "id", "invalid"),
    (b'{"event_name": "\xff"}', "", "invalid_utf8"),
    (b"5", "", "invalid"),
    (b"null", "", "invalid"),
]


@pytest.mark.parametrize(("record", "field", "code"), BAD_RECORDS)
def test_a_record_that_cannot_be_stored_is_its_own_error(
    api: ProjectClient, record: bytes, field: str, code: str
) -> None:
    answer = api.post(EVENTS, b'{"events": [{"event_name": "good"}, ' + record + b"]}")
    assert counts(answer) == (1, 0, 1)
    assert places(answer) == [(1, field, code)]
    assert answer.json()["errors"][0]["message"]


MALFORMED = [
    b"",
    b"   ",
    b"[]",
    b"5",
    b"null",
    b'"x"',
    b'{"events": 5}',
    b'{"events": {}}',
    b'{"events": null}',
    b'{"events": [], "more": 1}',
    b'{"events": [NaN]}',
    b'{"events": [{"event_name": "x", "duration_ms": NaN}]}',
    b'{"events": [{"event_name": "x"}',
    b'{"events": [{"event_name": "x"}]} trailing',
    b'{"events": [{"event_name": "\\ud800"}]}',
    b'{"events": [{"event_name": "x", "properties": {"a": "\\udc00"}}]}',
    b'{"events": [{"event_name": "a\x01b"}]}',
    b'{"events": [{"event_name": "x", "properties": {"a":' + b"[" * 199 + b"]" * 199 + b"}}]}",
    b'{"events": [{"event_name": "x", "properties": {"a":' + b"[" * 100_000,
    b'{"events": [{"event_name": "x", "properties": {"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}]}",
    b"\xef\xbb\xbf" + b'{"events": []}',
    b"\xff\xfe",
    b"event_name=x",
]


@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
def test_what_is_no_json_or_not_of_the_shape_is_400_and_stores_nothing(
    api: ProjectClient, body: bytes
) -> None:
    answer = api.post(EVENTS, body)
    assert answer.status_code == 400
    assert answer.json()["detail"]
    assert answer.json()["code"] == "malformed"
    assert api.results(EVENTS) == []


def test_brackets_inside_texts_do_not_count_as_nesting(api: ProjectClient) -> None:
    event = {"event_name": "x", "properties": {"text": "[{" * 500 + '"\\'}}
    assert counts(api.post(EVENTS, {"events": [event]})) == (1, 0, 0)
    assert api.results(EVENTS)[0]["properties"] == event["properties"]


def test_nesting_up_to_two_hundred_levels_is_taken(api: ProjectClient) -> None:
    body = b'{"events": [{"event_name": "x", "properties": {"a":' + b"[" * 196 + b"]" * 196 + b"}}]}"
    assert counts(api.post(EVENTS, body)) == (1, 0, 0)


def test_an_empty_list_is_accepted_and_stores_nothing(api: ProjectClient) -> None:
    assert counts(api.post(EVENTS, {"events": []})) == (0, 0, 0)


def test_only_the_first_thousand_errors_are_listed(api: ProjectClient) -> None:
    answer = api.post(EVENTS, {"events": [{} for _ in range(1200)]})
    assert counts(answer) == (0, 0, 1200)
    assert len(answer.json()["errors"]) == 1000
    assert answer.json()["errors_truncated"] == 200


def test_more_than_ten_thousand_records_are_413(api: ProjectClient) -> None:
    assert counts(api.post(EVENTS, {"events": [{"event_name": "x"}] * 10_000})) == (10_000, 0, 0)
    assert api.post(EVENTS, {"events": [{"event_name": "x"}] * 10_001}).status_code == 413
    assert api.post(EVENTS, {"events": [{}] * 10_001}).status_code == 413


def test_twenty_megabytes_are_taken_and_one_byte_more_is_413(api: ProjectClient) -> None:
    def body(size: int) -> bytes:
        frame = b'{"events": [{"event_name": "x", "properties": {"a": "%s"}}]}'
        return frame.replace(b"%s", b"a" * (size - len(frame) + 2))

    assert counts(api.post(EVENTS, body(20_000_000))) == (1, 0, 0)
    answer = api.post(EVENTS, body(20_000_001))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_inflating_stops_at_fifty_megabytes(api: ProjectClient) -> None:
    bomb = gzip.compress(b" " * 60_000_000)
    assert len(bomb) < 100_000
    assert api.post(EVENTS, bomb, HTTP_CONTENT_ENCODING="gzip").status_code == 413


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity"])
def test_compressed_bodies_are_read(api: ProjectClient, encoding: str) -> None:
    plain = json.dumps({"event_name": "packed"}).encode()
    body = {"gzip": gzip.compress(plain), "deflate": zlib.compress(plain), "identity": plain}[encoding]
    assert counts(api.post(EVENTS, body, HTTP_CONTENT_ENCODING=encoding)) == (1, 0, 0)


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"{}")[:-3]], ids=["other", "cut"])
def test_a_body_that_is_not_what_its_encoding_says_is_400(api: ProjectClient, body: bytes) -> None:
    answer = api.post(EVENTS, body, HTTP_CONTENT_ENCODING="gzip")
    assert (answer.status_code, answer.json()["code"]) == (400, "broken_encoding")


def test_a_body_of_many_members_is_read_and_of_very_many_refused(api: ProjectClient) -> None:
    parts = [gzip.compress(part) for part in (b'{"event_', b'name": "x"', b"}")]
    assert counts(api.post(EVENTS, b"".join(parts), HTTP_CONTENT_ENCODING="gzip")) == (1, 0, 0)
    started = time.process_time()
    answer = api.post(EVENTS, gzip.compress(b"") * 500_000, HTTP_CONTENT_ENCODING="gzip")
    assert (answer.status_code, answer.json()["code"]) == (400, "broken_encoding")
    assert time.process_time() - started < 2


def test_half_a_surrogate_pair_is_named_with_its_place(api: ProjectClient) -> None:
    answer = api.post(EVENTS, b'{"events": [{"event_name": "\\ud800"}]}')
    assert "half of a surrogate pair (byte 28)" in answer.json()["detail"]


def test_unknown_encodings_and_types_are_415(api: ProjectClient) -> None:
    assert api.post(EVENTS, b"{}", HTTP_CONTENT_ENCODING="br").status_code == 415
    form = api.post(EVENTS, b"event_name=x", CONTENT_TYPE="application/x-www-form-urlencoded")
    assert (form.status_code, form.json()["code"]) == (415, "unsupported_media_type")
    assert api.post(EVENTS, b'{"event_name": "x"}', CONTENT_TYPE="").status_code == 202
    assert api.post(EVENTS, b'{"event_name": "x"}', CONTENT_TYPE="application/vnd.x+json").status_code == 202


def test_any_accept_header_gets_json(api: ProjectClient) -> None:
    assert api.post(EVENTS, {"event_name": "x"}, HTTP_ACCEPT="text/html").status_code == 202
    answer = api.send("GET", EVENTS, HTTP_ACCEPT="image/png")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")


def test_missing_and_wrong_keys_are_401_with_a_challenge(api: ProjectClient) -> None:
    for header in ("", "Bearer wrong", "Bearer", "Basic abc", "Bearer \u00e9"):
        answer = api.send("POST", EVENTS, b'{"event_name": "x"}', HTTP_AUTHORIZATION=header)
        assert answer.status_code == 401, header
        assert answer["WWW-Authenticate"] == "Bearer"
        assert set(answer.json()) == {"detail", "code"}


def test_the_key_may_also_come_as_x_api_key(api: ProjectClient) -> None:
    headers = {"HTTP_AUTHORIZATION": "", "HTTP_X_API_KEY": api.key}
    assert api.send("POST", EVENTS, b'{"event_name": "x"}', **headers).status_code == 202


def test_scopes_part_sending_from_reading(project: Project) -> None:
    sender, reader = client_of(project, ["ingest"]), client_of(project, ["read"])
    assert sender.post(EVENTS, {"event_name": "x"}).status_code == 202
    assert sender.get(EVENTS).status_code == 403
    assert reader.get(EVENTS).status_code == 200
    refused = reader.post(EVENTS, {"event_name": "x"})
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")


def test_query_parameters_are_refused_by_name(api: ProjectClient) -> None:
    answer = api.post(f"{EVENTS}?foo=1", {"event_name": "x"})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_parameter")
    assert "foo" in answer.json()["detail"]


def test_other_methods_are_405_with_allow(api: ProjectClient) -> None:
    for method in ("PUT", "PATCH", "DELETE"):
        answer = api.send(method, EVENTS)
        assert answer.status_code == 405
        assert "POST" in answer["Allow"]


def test_a_limited_key_gets_429_with_retry_after(project: Project) -> None:
    limited = client_of(project, rate_limit_per_second=2)
    answers = [limited.post(EVENTS, {"event_name": "x"}) for _ in range(20)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers[:2]} == {202}
    assert refused
    assert int(refused[0]["Retry-After"]) >= 1
    assert refused[0].json()["code"] == "throttled"

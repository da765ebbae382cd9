"""Segment's paths, keys, sizes and answers: S1 to S6, S9 and S15 of the checklist."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from projects.keys import create_key
from projects.models import Project
from tests.clients import ProjectClient, client_of
from tests.ingest.segment.conftest import Sender, call, rejected

CALLS = ("track", "identify", "page", "screen", "group", "alias")


def without_header(api: ProjectClient, body: Any, path: str = "/v1/batch", **headers: str) -> Any:
    headers.setdefault("HTTP_AUTHORIZATION", "")
    return api.post(path, body, **headers)


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", [*CALLS, "batch", "import", *"tipsgab"])
def test_s1_every_path_takes_calls_and_says_success(sender: Sender, path: str, slash: str) -> None:
    body = (
        {"batch": [call()]}
        if path in ("batch", "import", "b")
        else call("track", groupId="g", previousId="p")
    )
    answer = sender.api.post(f"/v1/{path}{slash}", body)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert answer["Content-Type"] == "application/json"
    names = {name[0]: name for name in CALLS}
    assert sender.only()["event_type"] == (
        names.get(path[0], "track") if path not in ("import",) else "track"
    )


def test_s1_a_call_may_come_as_text_or_without_a_content_type(sender: Sender) -> None:
    for content_type in ("text/plain", "text/plain;charset=UTF-8", "", "application/json; charset=utf-8"):
        assert sender.api.post("/v1/t", call(), CONTENT_TYPE=content_type).status_code == 200
    assert sender.api.post("/v1/t", call(), CONTENT_TYPE="application/xml").status_code == 415
    assert len(sender.stored()) == 4


def test_s1_a_path_answers_post_alone(sender: Sender) -> None:
    answer = sender.api.get("/v1/track")
    assert (answer.status_code, answer["Allow"]) == (405, "OPTIONS, POST")
    assert sender.api.post("/v1/tracks", call()).status_code == 404


@pytest.mark.parametrize("credentials", ["{key}:", "{key}"])
def test_s2_the_key_may_be_the_user_of_basic_authentication(api: ProjectClient, credentials: str) -> None:
    basic = base64.b64encode(credentials.format(key=api.key).encode()).decode()
    assert without_header(api, call(), "/v1/track", HTTP_AUTHORIZATION=f"Basic {basic}").status_code == 200


def test_s2_the_key_may_be_bearer_or_in_its_own_header_or_in_the_url(api: ProjectClient) -> None:
    assert without_header(api, call(), "/v1/track", HTTP_AUTHORIZATION=f"Bearer {api.key}").status_code == 200
    assert without_header(api, call(), "/v1/track", HTTP_X_API_KEY=api.key).status_code == 200
    assert without_header(api, call(), f"/v1/track?access_token={api.key}").status_code == 200


def test_s2_the_key_may_be_in_the_body_also_when_it_is_compressed(api: ProjectClient) -> None:
    assert without_header(api, call(writeKey=api.key), "/v1/track").status_code == 200
    batch = {"batch": [call()], "writeKey": api.key}
    assert without_header(api, batch).status_code == 200
    squeezed = gzip.compress(json.dumps(batch).encode())
    assert without_header(api, squeezed, HTTP_CONTENT_ENCODING="gzip").status_code == 200


@pytest.mark.parametrize(
    "authorization", ["Basic", "Basic !", "Basic /w==", "Bearer", "Digest x", "Basic OjpY"]
)
def test_s2_what_is_no_key_is_401(api: ProjectClient, authorization: str) -> None:
    answer = without_header(api, call(writeKey=api.key), "/v1/track", HTTP_AUTHORIZATION=authorization)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("key", [..., "", None, 5, "unknown"])
def test_s2_a_body_without_a_key_is_401(api: ProjectClient, key: Any) -> None:
    answer = without_header(api, call(writeKey=key), "/v1/track")
    assert answer.status_code == 401
    assert answer.json()["success"] is False


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b"nonsense",
        b'{"a": NaN}',
        b'{"a": "\xff"}',
        b'{"a": ' + b"[" * 300,
        b"[" * 9000,
    ],
)
@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch"])
def test_s3_what_is_no_json_object_is_400_with_or_without_a_key(
    api: ProjectClient, path: str, body: bytes
) -> None:
    for answer in (api.post(path, body), without_header(api, body, path)):
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


@pytest.mark.parametrize("batch", [..., None, {}, "x"])
def test_s3_a_batch_without_a_list_is_400(api: ProjectClient, batch: Any) -> None:
    body = {} if batch is ... else {"batch": batch}
    assert api.post("/v1/batch", body).status_code == 400


def padded(size: int, **members: Any) -> bytes:
    """A track call of exactly so many bytes."""
    length = len(json.dumps(call(properties={"text": ""}, **members)).encode())
    return json.dumps(call(properties={"text": "x" * (size - length)}, **members)).encode()


def test_s4_a_call_has_at_most_32_kb(sender: Sender) -> None:
    assert sender.api.post("/v1/track", padded(32 * 1024)).status_code == 200
    answer = sender.api.post("/v1/track", padded(32 * 1024 + 1))
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


def test_s4_a_batch_has_at_most_500_kb_also_after_inflating(sender: Sender) -> None:
    large = json.dumps({"batch": [json.loads(padded(30_000)) for _ in range(17)]}).encode()
    for answer in (
        sender.api.post("/v1/batch", large + b" " * 5000),
        sender.api.post("/v1/batch", gzip.compress(large + b" " * 5000), HTTP_CONTENT_ENCODING="gzip"),
        sender.api.post("/v1/batch", b" " * 21_000_000),
        sender.api.post("/v1/batch", gzip.compress(b" " * 51_000_000), HTTP_CONTENT_ENCODING="gzip"),
    ):
        assert answer.status_code == 400
    assert sender.stored() == []
    assert (
        rejected(sender.api.post("/v1/batch", json.dumps({"batch": [call()]}).encode() + b" " * 450_000))
        == []
    )


def test_s5_a_batch_of_too_many_events_is_200_and_rejected_whole(sender: Sender) -> None:
    tiny = {"type": "track", "userId": "a", "event": "e"}
    assert rejected(sender.batch(*[tiny] * 2500)) == []
    answer = sender.batch(*[tiny] * 2501)
    assert len(rejected(answer)) == 1000
    assert (answer.json()["rejected"], answer.json()["errors"][0]["code"]) == (2501, "too_many_events")
    assert len(sender.api.results("/api/v1/events/?page_size=1000")) == 2500


def test_s6_an_item_has_at_most_32_kb(sender: Sender) -> None:
    answer = sender.batch(call(), json.loads(padded(33 * 1024)))
    assert answer.status_code == 400
    assert "Event 1" in answer.json()["message"]
    assert sender.stored() == []


def test_s9_past_the_rate_is_429_with_both_headers(project: Project) -> None:
    sender = Sender(client_of(project, rate_limit_per_second=1))
    (refused, *_) = [answer for answer in [sender.call() for _ in range(5)] if answer.status_code == 429]
    assert int(refused["Retry-After"]) >= 1
    assert refused["X-RateLimit-Reset"] == refused["Retry-After"]
    assert refused.json()["success"] is False


def test_s15_an_unknown_key_is_401(api: ProjectClient) -> None:
    answer = without_header(api, call(), "/v1/track", HTTP_AUTHORIZATION="Bearer unknown-key")
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_key")


def test_s15_strict_imitation_answers_200_to_any_key_and_stores_nothing(
    api: ProjectClient, settings: Settings
) -> None:
    settings.SEGMENT_ACCEPT_UNKNOWN_KEYS = True
    unknown = {"HTTP_AUTHORIZATION": "Bearer unknown-key"}
    for answer in (
        without_header(api, call(), "/v1/track", **unknown),
        without_header(api, call(), "/v1/track"),
        without_header(api, {"batch": []}, **unknown),
    ):
        assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert without_header(api, b"{", "/v1/track", **unknown).status_code == 400
    assert without_header(api, padded(33 * 1024), "/v1/track", **unknown).status_code == 400
    assert api.results("/api/v1/events") == []


def test_a_key_without_the_scope_is_403(project: Project) -> None:
    _, key = create_key(project, "reader", ["read"])
    assert Sender(ProjectClient(key, project)).call().status_code == 403


def test_s4_what_a_batch_shares_is_counted_for_each_of_its_items(sender: Sender) -> None:
    shared = {"app": {"name": "x" * 300_000}}
    answer = sender.batch(*[call() for _ in range(100)], context=shared)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert "context" in answer.json()["message"]
    assert sender.batch(*[call() for _ in range(100)], integrations=shared).status_code == 400
    assert sender.stored() == []
    assert rejected(sender.batch(*[call() for _ in range(3)], context=shared)) == []


def test_s4_a_long_name_around_many_short_ones_counts_as_often_as_it_is_written_out(sender: Sender) -> None:
    context = {"x" * 150: {str(number): 1 for number in range(3000)}}
    answer = sender.batch(*[call() for _ in range(50)], context=context)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


@pytest.mark.parametrize(
    ("bad", "code"),
    [(b"1e400", "invalid"), (b"1" * 5000, "invalid"), (b'"\xff"', "invalid_utf8")],
    ids=["large float", "long integer", "wrong UTF-8"],
)
def test_one_item_that_cannot_be_read_takes_no_other_with_it(sender: Sender, bad: bytes, code: str) -> None:
    item = b'{"type": "track", "event": "e", "userId": "a", "properties": {"x": ' + bad + b"}}"
    good = json.dumps(call()).encode()
    answer = sender.api.post("/v1/batch", b'{"batch": [' + b",".join([item, good]) + b"]}")
    assert [(index, found) for index, _, found in rejected(answer)] == [(0, code)]
    assert sender.only()["event_name"] == "Paid"

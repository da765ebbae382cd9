"""A retry stores nothing twice, whatever identity the client gives."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clients import ProjectClient

EVENTS = "/api/v1/events"


def now_text(**shift: float) -> str:
    return (datetime.now(UTC) + timedelta(**shift)).isoformat()


def counts(answer: Any) -> tuple[int, int, int]:
    assert answer.status_code == 202, answer.content
    body = answer.json()
    return body["accepted"], body["duplicates"], body["rejected"]


def uuid7(moment: datetime) -> str:
    milliseconds = int(moment.timestamp() * 1000)
    value = (milliseconds << 80) | (0x7 << 76) | (0x8 << 60) | uuid.uuid4().int & ((1 << 60) - 1)
    return str(uuid.UUID(int=value))


@pytest.mark.parametrize(
    "identifier", ["order-1", "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "x" * 200, "snow \u2603"]
)
def test_an_id_without_a_time_is_stored_once(api: ProjectClient, identifier: str) -> None:
    event = {"event_name": "x", "id": identifier}
    assert counts(api.post(EVENTS, event)) == (1, 0, 0)
    assert counts(api.post(EVENTS, event)) == (0, 1, 0)
    assert counts(api.post(EVENTS, {"events": [event, event]})) == (0, 2, 0)
    assert [row["id"] for row in api.results(EVENTS)] == [identifier]


def test_the_same_id_twice_in_one_batch_is_stored_once(api: ProjectClient) -> None:
    event = {"event_name": "x", "id": "a", "timestamp": now_text()}
    assert counts(api.post(EVENTS, {"events": [event, event]})) == (1, 1, 0)
    bare = {"event_name": "x", "id": "b"}
    assert counts(api.post(EVENTS, {"events": [bare, bare]})) == (1, 1, 0)


def test_the_same_id_at_two_explicit_times_is_two_records(api: ProjectClient) -> None:
    batch = [{"event_name": f"x{n}", "id": "a", "timestamp": now_text(minutes=-n)} for n in range(2)]
    assert counts(api.post(EVENTS, {"events": batch})) == (2, 0, 0)
    newest = api.get(f"{EVENTS}/a/").json()
    assert newest["event_name"] == "x0"


def test_a_uuid7_brings_its_own_time(api: ProjectClient) -> None:
    moment = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    identifier = uuid7(moment)
    assert counts(api.post(EVENTS, {"event_name": "x", "id": identifier})) == (1, 0, 0)
    assert counts(api.post(EVENTS, {"event_name": "x", "id": identifier})) == (0, 1, 0)
    (stored,) = api.results(EVENTS)
    assert datetime.fromisoformat(stored["timestamp"]) == moment


def test_a_uuid7_from_outside_the_bounds_is_dated_now_and_still_stored_once(api: ProjectClient) -> None:
    identifier = uuid7(datetime(2000, 1, 1, tzinfo=UTC))
    assert counts(api.post(EVENTS, {"event_name": "x", "id": identifier})) == (1, 0, 0)
    assert counts(api.post(EVENTS, {"event_name": "x", "id": identifier})) == (0, 1, 0)


def test_the_same_text_from_two_sources_is_two_records(api: ProjectClient) -> None:
    batch = [{"event_name": "x", "id": "1", "source": source} for source in ("web", "app")]
    assert counts(api.post(EVENTS, {"events": batch})) == (2, 0, 0)


def test_events_without_time_keep_the_order_of_their_batch(api: ProjectClient) -> None:
    api.post(EVENTS, {"events": [{"event_name": f"e{n}"} for n in range(5)]})
    assert [row["event_name"] for row in api.results(EVENTS)] == ["e4", "e3", "e2", "e1", "e0"]


def test_equal_ids_and_times_in_two_projects_do_not_meet(
    api: ProjectClient, other_api: ProjectClient
) -> None:
    event = {"event_name": "x", "id": str(uuid.uuid4()), "timestamp": now_text()}
    assert counts(api.post(EVENTS, event)) == (1, 0, 0)
    assert counts(other_api.post(EVENTS, event)) == (1, 0, 0)
    bare = {"event_name": "x", "id": "same"}
    assert counts(api.post(EVENTS, bare)) == (1, 0, 0)
    assert counts(other_api.post(EVENTS, bare)) == (1, 0, 0)
    assert len(api.results(EVENTS)) == len(other_api.results(EVENTS)) == 2


def test_an_idempotency_key_answers_a_retry_with_the_first_answer(api: ProjectClient) -> None:
    key = uuid.uuid4().hex
    body = {"events": [{"event_name": "x"}, {}]}
    first = api.post(EVENTS, body, HTTP_IDEMPOTENCY_KEY=key)
    again = api.post(EVENTS + "/", body, HTTP_IDEMPOTENCY_KEY=key)
    assert counts(first) == (1, 0, 1)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert len(api.results(EVENTS)) == 1


def test_an_idempotency_key_with_another_body_is_422(api: ProjectClient) -> None:
    key = uuid.uuid4().hex
    assert api.post(EVENTS, {"event_name": "x"}, HTTP_IDEMPOTENCY_KEY=key).status_code == 202
    answer = api.post(EVENTS, {"event_name": "y"}, HTTP_IDEMPOTENCY_KEY=key)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
    assert len(api.results(EVENTS)) == 1


def test_what_was_refused_for_its_idempotency_key_is_not_taken_for_stored(api: ProjectClient) -> None:
    """A series is stored with its first point: the refused one must not be that."""

    def send(name: str, **headers: str) -> int:
        body = {"metrics": [{"metric_name": name, "metric_value": 1}]}
        return int(api.post("/api/v1/metrics", body, **headers).status_code)

    assert send("a", HTTP_IDEMPOTENCY_KEY="k1") == 202
    assert send("ghost", HTTP_IDEMPOTENCY_KEY="k1") == 422
    assert send("ghost") == 202
    series = {row["metric_name"] for row in api.results("/api/v1/metrics/series/")}
    assert series == {"a", "ghost"}
    assert len(api.results("/api/v1/metrics/?metric_name=ghost")) == 1


def test_an_idempotency_key_belongs_to_its_project(api: ProjectClient, other_api: ProjectClient) -> None:
    for client in (api, other_api):
        assert counts(client.post(EVENTS, {"event_name": "x"}, HTTP_IDEMPOTENCY_KEY="k")) == (1, 0, 0)


@pytest.mark.parametrize("key", ["x" * 201, "a\tb"])
def test_a_wrong_idempotency_key_is_400(api: ProjectClient, key: str) -> None:
    assert api.post(EVENTS, {"event_name": "x"}, HTTP_IDEMPOTENCY_KEY=key).status_code == 400


@pytest.mark.django_db(transaction=True)
def test_twenty_requests_at_once_with_one_idempotency_key_store_once(api: ProjectClient) -> None:
    key = uuid.uuid4().hex
    answers: list[Any] = []

    def send() -> None:
        client = ProjectClient(api.key, api.project)
        answers.append(client.post(EVENTS, {"event_name": "x"}, HTTP_IDEMPOTENCY_KEY=key))

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert {answer.content for answer in answers} == {answers[0].content}
    assert len(answers) == 20
    assert len(api.results(EVENTS)) == 1

"""CloudEvents over HTTP: the lines C1 to C23 of the checklist that are about modes, answers and identity."""

from __future__ import annotations

import base64
import gzip
import json
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from projects.keys import create_key
from projects.models import Project
from tests.clients import ProjectClient, client_of
from tests.ingest.cloudevents.conftest import EVENTS, MOMENT, Sender, event


def counts(answer: Any) -> tuple[int, int, int]:
    """(accepted, duplicates, rejected) of an answer to CloudEvents."""
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "application/json"
    body = answer.json()
    return body["accepted"], body["duplicates"], body["rejected"]


def test_c1_a_batch_is_told_from_a_single_event_though_its_media_type_begins_alike(sender: Sender) -> None:
    assert counts(sender.batch([event(id="1"), event(id="2")])) == (2, 0, 0)
    assert counts(sender.batch([event(id="3")], "Application/CloudEvents-Batch+JSON; charset=utf-8")) == (
        1,
        0,
        0,
    )


def test_c2_a_structured_event_is_read_with_its_charset_parameter(sender: Sender) -> None:
    sent = event(
        subject="order/7", time=MOMENT.isoformat(), dataschema="https://example.com/paid", data={"total": 5}
    )
    assert counts(sender.structured(sent, "application/cloudevents+json; charset=UTF-8")) == (1, 0, 0)
    row = sender.only()
    assert (row["id"], row["event_name"], row["event_type"]) == ("a-1", "com.example.paid", "cloudevent")
    assert (row["source"], row["properties"]) == ("/shop", {"total": 5})
    assert datetime.fromisoformat(row["timestamp"]) == MOMENT
    assert row["tags"] == {"subject": "order/7", "dataschema": "https://example.com/paid"}


def test_c3_any_one_of_four_headers_makes_it_binary_and_content_type_is_that_of_the_data(
    sender: Sender,
) -> None:
    body = b"<paid/>"
    assert counts(sender.binary({"subject": "x"}, body, "application/xml; charset=utf-8")) == (1, 0, 0)
    row = sender.only()
    assert row["tags"] == {"subject": "x", "datacontenttype": "application/xml; charset=utf-8"}
    assert row["properties"] == {"data": "<paid/>"}


@pytest.mark.parametrize("name", ["id", "source", "type", "specversion"])
def test_c3_a_lone_header_is_enough_and_then_all_four_are_required(sender: Sender, name: str) -> None:
    others = {other: "..." for other in ("id", "source", "type", "specversion") if other != name}
    answer = sender.binary(others, b'{"event_name": "native"}')
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cloudevent")
    assert answer.json()["errors"][0]["code"] == "required"


def test_c3_a_header_for_the_content_type_is_refused(sender: Sender) -> None:
    answer = sender.binary({"datacontenttype": "application/json"}, b"{}")
    assert answer.json()["errors"][0]["field"] == "datacontenttype"
    assert sender.stored() == []


def test_c3_without_those_headers_json_stays_native(api: ProjectClient) -> None:
    answer = api.post(EVENTS, {"event_name": "native"}, HTTP_CE_TRACE="x")
    assert answer.status_code == 202


@pytest.mark.parametrize(
    "content_type",
    ["application/cloudevents+avro", "application/cloudevents-batch+avro", "application/cloudevents"],
)
def test_c4_other_formats_are_415_also_beside_binary_headers(sender: Sender, content_type: str) -> None:
    assert sender.structured(event(), content_type).status_code == 415
    assert sender.binary({}, b"{}", content_type).status_code == 415
    assert sender.stored() == []


def test_c12_an_empty_batch_is_fine(sender: Sender) -> None:
    assert counts(sender.batch([])) == (0, 0, 0)


def test_c12_a_batch_of_two_versions_is_refused_whole(sender: Sender) -> None:
    answer = sender.batch([event(), event(id="2", specversion="0.3")])
    assert answer.status_code == 400
    assert sender.stored() == []


def test_c12_a_batch_has_a_maximum(sender: Sender) -> None:
    assert counts(sender.batch([event(id=str(number)) for number in range(10_000)])) == (10_000, 0, 0)
    assert sender.batch([event()] * 10_001).status_code == 413


@pytest.mark.parametrize("mode", ["structured", "batch", "binary"])
def test_c13_what_is_stored_is_answered_200_with_the_counts(sender: Sender, mode: str) -> None:
    answers = {
        "structured": lambda: sender.structured(event()),
        "batch": lambda: sender.batch([event()]),
        "binary": lambda: sender.binary({}),
    }
    assert answers[mode]().json() == {"accepted": 1, "duplicates": 0, "rejected": 0, "errors": []}


def test_c14_past_the_rate_is_429_with_retry_after(project: Project) -> None:
    sender = Sender(client_of(project, rate_limit_per_second=1))
    answers = [sender.structured(event(id=str(number))) for number in range(5)]
    (refused, *_) = [answer for answer in answers if answer.status_code == 429]
    assert int(refused["Retry-After"]) >= 1


@pytest.mark.parametrize("path", [EVENTS, f"{EVENTS}/"])
def test_c15_no_path_is_answered_with_a_redirect(sender: Sender, path: str) -> None:
    assert sender.structured(event(), path=path).status_code == 200


def test_c16_no_endpoint_is_retired_yet_so_none_answers_410(sender: Sender) -> None:
    """To be changed with the first one that is."""
    assert sender.structured(event(), path="/api/v0/events").status_code == 404


def test_c17_the_key_may_come_in_the_header_or_in_the_url(api: ProjectClient) -> None:
    sender = Sender(api)
    assert "Cache-Control" not in sender.structured(event())
    answer = api.send(
        "POST",
        f"{EVENTS}?access_token={api.key}",
        json.dumps(event(id="2")).encode(),
        CONTENT_TYPE="application/cloudevents+json",
        HTTP_AUTHORIZATION="",
    )
    assert counts(answer) == (1, 0, 0)
    assert answer["Cache-Control"] == "private"


def test_c19_the_same_id_of_the_same_source_is_stored_once(sender: Sender) -> None:
    for time in (..., MOMENT.isoformat()):
        sent = event(id=f"with {time}", time=time)
        assert counts(sender.structured(sent)) == (1, 0, 0)
        assert counts(sender.structured(sent)) == (0, 1, 0)
        assert counts(sender.structured({**sent, "source": "/other"})) == (1, 0, 0)


def test_c19_an_id_that_looks_like_a_uuid_is_unique_only_within_its_source(sender: Sender) -> None:
    identifier = str(uuid.uuid4())
    sent = [event(id=identifier, source=source, time=MOMENT.isoformat()) for source in ("/a", "/b")]
    assert counts(sender.batch([*sent, *sent])) == (2, 2, 0)
    assert {row["id"] for row in sender.stored()} == {identifier}
    assert sender.api.get(f"{EVENTS}/{identifier}/").json()["event_name"] == "com.example.paid"
    assert len(sender.api.results(f"{EVENTS}/?id={identifier}")) == 2


def test_c19_two_long_sources_that_begin_alike_stay_two(sender: Sender) -> None:
    sources = [f"/{'long' * 100}/{number}" for number in range(2)]
    assert counts(sender.batch([event(source=one, time=MOMENT.isoformat()) for one in sources])) == (2, 0, 0)
    rows = sender.stored()
    assert {row["tags"]["source"] for row in rows} == set(sources)
    assert {len(row["source"]) for row in rows} == {200}


def test_c20_an_event_may_be_large(sender: Sender) -> None:
    text = "x" * 1_000_000
    assert counts(sender.structured(event(data={"text": text}))) == (1, 0, 0)
    assert counts(sender.binary({"id": "2"}, text.encode(), "text/plain")) == (1, 0, 0)


def test_c21_a_batch_with_bad_events_names_each_and_stores_nothing(sender: Sender) -> None:
    batch = [event(), event(id=...), 5, event(time="lunchtime"), event(id="last")]
    answer = sender.batch(batch)
    assert answer.status_code == 400
    body = answer.json()
    named = [(error["index"], error["field"], error["code"]) for error in body["errors"]]
    assert named == [(1, "id", "required"), (2, "", "invalid"), (3, "time", "invalid")]
    assert "event 1 and 2 more" in body["detail"]
    assert sender.stored() == []


def test_c21_the_first_thousand_bad_events_are_named(sender: Sender) -> None:
    body = sender.batch([event(id="")] * 1500).json()
    assert (len(body["errors"]), body["errors_truncated"]) == (1000, 500)


def test_events_outside_the_time_bounds_are_rejected_alone(sender: Sender) -> None:
    old, ahead = (MOMENT + timedelta(days=days) for days in (-4000, 2))
    times = [old, MOMENT, ahead]
    answer = sender.batch([event(id=str(place), time=at.isoformat()) for place, at in enumerate(times)])
    assert counts(answer) == (1, 0, 2)
    assert [(error["index"], error["code"]) for error in answer.json()["errors"]] == [
        (0, "too_old"),
        (2, "in_future"),
    ]


def test_an_id_longer_than_ids_may_be_is_rejected_alone(sender: Sender) -> None:
    answer = sender.batch([event(), event(id="x" * 201), event(id="u", subject="user:" + "u" * 201)])
    assert counts(answer) == (1, 0, 2)
    assert [error["field"] for error in answer.json()["errors"]] == ["id", "subject"]


def test_a_nul_in_the_data_is_rejected_alone(sender: Sender) -> None:
    assert counts(sender.batch([event(data={"text": "a\0b"}), event(id="2")])) == (1, 0, 1)


def test_one_event_is_stored_alike_in_all_modes(sender: Sender) -> None:
    members = {"time": MOMENT.isoformat(), "subject": "user:ana", "region": "eu"}
    datas: list[tuple[str, Any, bytes]] = [
        ("application/json", {"total": 5}, b'{"total": 5}'),
        ("application/json", "a text", b'"a text"'),
        ("application/vnd.shop+json", [1, None], b"[1, null]"),
        ("text/plain", "sn\u00f6w", "sn\u00f6w".encode()),
        ("text/plain; charset=iso-8859-1", "sn\u00f6w", "sn\u00f6w".encode("latin-1")),
    ]
    for number, (content_type, data, raw) in enumerate(datas):
        common = {**members, "id": f"{number}"}
        given = event(**common, datacontenttype=content_type)
        sender.structured({**given, "source": "/1", "data": data})
        sender.batch([{**given, "source": "/2", "data": data}])
        sender.binary({**common, "source": "/3"}, raw, content_type)
        sender.structured({**given, "source": "/4", "data_base64": base64.b64encode(raw).decode()})
        rows = [row for row in sender.stored() if row["id"] == f"{number}"]
        assert len(rows) == 4
        assert {row["user_id"] for row in rows} == {"ana"}
        for row in rows[1:]:
            assert {**row, "source": "", "received_at": ""} == {**rows[0], "source": "", "received_at": ""}


def test_a_compressed_body_is_read(sender: Sender) -> None:
    body = gzip.compress(json.dumps([event()]).encode())
    answer = sender.api.send(
        "POST",
        EVENTS,
        body,
        CONTENT_TYPE="application/cloudevents-batch+json",
        HTTP_CONTENT_ENCODING="gzip",
    )
    assert counts(answer) == (1, 0, 0)


def test_a_key_without_scope_is_403_and_no_key_401(project: Project) -> None:
    _, key = create_key(project, "reader", ["read"])
    assert Sender(ProjectClient(key, project)).structured(event()).status_code == 403
    assert Sender(ProjectClient("", project)).structured(event()).status_code == 401


def test_c18_options_consents_without_a_key(client: Client) -> None:
    asked = {"HTTP_WEBHOOK_REQUEST_ORIGIN": "events.example.com", "HTTP_WEBHOOK_REQUEST_RATE": "120"}
    answer = client.options(EVENTS, **asked)  # type: ignore[arg-type]  # WSGI headers
    assert answer.status_code in (200, 204)
    assert answer["WebHook-Allowed-Origin"] == "events.example.com"
    assert answer["WebHook-Allowed-Rate"] == "120"
    assert "POST" in answer["Allow"]
    assert "WebHook-Allowed-Origin" not in client.options(EVENTS)


def test_a_binary_event_of_the_same_body_with_other_attributes_is_another_request(sender: Sender) -> None:
    def sent(**attributes: str) -> Any:
        whole = {
            "HTTP_CE_SPECVERSION": "1.0",
            "HTTP_CE_ID": "a-1",
            "HTTP_CE_SOURCE": "/s",
            "HTTP_CE_TYPE": "t",
        }
        return sender.api.send("POST", EVENTS, b"{}", HTTP_IDEMPOTENCY_KEY="again", **{**whole, **attributes})

    first = sent()
    assert counts(first) == (1, 0, 0)
    for other in ({"HTTP_CE_ID": "a-2"}, {"HTTP_CE_MORE": "x"}, {"CONTENT_TYPE": "text/plain"}):
        answer = sent(**other)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
    assert sent().content == first.content
    assert len(sender.stored()) == 1

"""What a CloudEvent must be, and what becomes of its attributes and data: C5 to C11, C22, C23 of the checklist."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.clients import ProjectClient
from tests.ingest.cloudevents.conftest import EVENTS, MOMENT, Sender, event

REQUIRED = ("specversion", "id", "source", "type")


def wrong(answer: Any) -> tuple[str, str]:
    """(field, code) of the one event that is refused."""
    assert answer.status_code == 400, answer.content
    (error,) = answer.json()["errors"]
    return error["field"], error["code"]


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", [..., "", None])  # C10: null is as good as absent
def test_c5_a_required_attribute_that_is_missing_is_named(sender: Sender, name: str, value: Any) -> None:
    assert wrong(sender.structured(event(**{name: value}))) == (name, "required")
    if value is not None:
        assert wrong(sender.binary({name: "..." if value is ... else ""})) == (name, "required")
    assert sender.stored() == []


@pytest.mark.parametrize("version", ["0.3", "1.0.2", "1"])
def test_c5_other_versions_are_refused(sender: Sender, version: str) -> None:
    assert wrong(sender.structured(event(specversion=version))) == ("specversion", "invalid")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("source", value) for value in ("a b", "1a:b", "http://[::1", "100%", "caf\u00e9", "a\\b")),
        *(("dataschema", value) for value in ("relative/path", "//host/path", "#part", "a b:c")),
        *(
            ("time", value)
            for value in ("lunchtime", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z")
        ),
        *(("time", value) for value in ("2026-13-01T00:00:00Z", "2026-01-01T00:00:00+25:00", "1767225600")),
        *(("time", value) for value in ("0000-01-01T00:00:00Z", "9999-12-31T23:59:60Z")),
        ("subject", ""),
        ("datacontenttype", "xyz"),
        ("datacontenttype", ""),
        ("dataschema", ""),  # C23
    ],
)
def test_c6_a_value_that_is_not_of_its_type_is_refused(sender: Sender, name: str, value: str) -> None:
    assert wrong(sender.structured(event(**{name: value}))) == (name, "invalid")


@pytest.mark.parametrize(
    "source", ["#part", "urn:uuid:1", "mailto:a@example.com", "1-555-123-4567", "//host/a?b#c"]
)
def test_c6_every_uri_reference_is_a_source(sender: Sender, source: str) -> None:
    assert sender.structured(event(source=source)).status_code == 200
    assert sender.only()["source"] == source


@pytest.mark.parametrize("text", ["Z", "z", "+00:00", "-01:30", ".123456789Z"])
def test_c6_every_rfc_3339_time_is_a_time(sender: Sender, text: str) -> None:
    assert sender.structured(event(time=f"{MOMENT:%Y-%m-%dT%H:%M:%S}{text}")).json()["accepted"] == 1


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro \u20ac \U0001f600"),
        ("Euro%20%e2%82%ac", "Euro \u20ac"),
        ("%41%42c", "ABc"),
        ('"a \\"quoted\\" \\\\ text"', 'a "quoted" \\ text'),
        ('"a%20b" c', "a b c"),
        ("100%25%2020", "100% 20"),
        ("%2541", "%41"),
        ("50% off", "50% off"),
        ("caf\u00e9".encode().decode("latin-1"), "caf\u00e9"),
    ],
)
def test_c7_a_header_is_unquoted_and_then_decoded_once(sender: Sender, sent: str, text: str) -> None:
    assert sender.binary({"subject": sent}).status_code == 200
    assert sender.only()["tags"]["subject"] == text


@pytest.mark.parametrize("sent", ["%C0%A0", "%ff", "\u00ff", "%ED%A0%80", "%F4%90%80%80"])
def test_c7_what_is_not_utf8_is_refused(sender: Sender, sent: str) -> None:
    assert wrong(sender.binary({"subject": sent})) == ("subject", "invalid")


def test_c8_data_comes_once(sender: Sender) -> None:
    nothing: list[Any] = [{}, None]
    for data in nothing:
        both = event(data=data, data_base64="AAEC")
        assert wrong(sender.structured(both)) == ("data_base64", "invalid")


def test_c8_bytes_are_decoded_and_kept(sender: Sender) -> None:
    sender.structured(event(data_base64="AAEC/w=="))
    assert sender.only()["properties"] == {"data_base64": "AAEC/w=="}


@pytest.mark.parametrize("text", ["not base64", "AAE", 5, "AA=E", "\u00e9"])
def test_c8_what_is_not_base64_is_refused(sender: Sender, text: Any) -> None:
    assert wrong(sender.structured(event(data_base64=text))) == ("data_base64", "invalid")


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/vnd.example+json", "text/json", None]
)
def test_c9_a_text_stays_a_text(sender: Sender, content_type: str | None) -> None:
    sender.structured(event(datacontenttype=content_type, data='{"not": "parsed"}'))
    assert sender.only()["properties"] == {"data": '{"not": "parsed"}'}


def test_c10_null_attributes_are_absent_and_null_data_is_null(sender: Sender) -> None:
    sender.structured(
        event(subject=None, dataschema=None, time=None, datacontenttype=None, shelf=None, data=None)
    )
    row = sender.only()
    assert (row["tags"], row["properties"]) == ({}, {"data": None})


def test_c10_absent_data_is_nothing(sender: Sender) -> None:
    sender.structured(event(data_base64=None))
    assert sender.only()["properties"] == {}


def test_c11_extensions_are_tags_of_their_type(sender: Sender) -> None:
    extensions = {
        "extinteger": -(2**31),
        "extboolean": True,
        "extstring": "text",
        "extbinary": base64.b64encode(b"Ma").decode(),
        "exturi": "https://cloudevents.io",
        "exttimestamp": "2023-03-31T15:12:00Z",
    }
    sender.structured(event(**extensions))
    assert sender.only()["tags"] == extensions


def test_c11_extensions_in_headers_are_texts(sender: Sender) -> None:
    sender.binary({"region": "eu%2Dwest", "number": "5"}, content_type="")
    assert sender.only()["tags"] == {"region": "eu-west", "number": "5"}


@pytest.mark.parametrize("character", ["\x01", "\x7f", "\x85", "\ufffe", "\U0001ffff"])
def test_c11_control_characters_are_refused(sender: Sender, character: str) -> None:
    assert wrong(sender.structured(event(region=f"a{character}b"))) == ("region", "invalid")
    encoded = "".join(f"%{byte:02X}" for byte in character.encode())
    assert wrong(sender.binary({"region": encoded})) == ("region", "invalid")


def test_a_traceparent_leads_to_its_trace(sender: Sender) -> None:
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    sender.structured(event(traceparent=f"00-{trace}-{span}-01"))
    sender.structured(event(id="2", traceparent="nonsense"))
    nonsense, row = sender.stored()
    assert (row["trace_id"], row["span_id"]) == (trace, span)
    assert (nonsense["trace_id"], nonsense["tags"]) == (None, {"traceparent": "nonsense"})


@pytest.mark.parametrize(
    ("subject", "user"),
    [("user:ana", "ana"), ("user/ana/x", "ana/x"), ("user:", None), ("users/ana", None), ("order", None)],
)
def test_a_subject_names_a_user_only_where_it_says_so(sender: Sender, subject: str, user: str | None) -> None:
    sender.structured(event(subject=subject))
    row = sender.only()
    assert (row["user_id"], row["tags"]) == (user, {"subject": subject})


def test_a_long_type_is_cut_and_kept_whole_as_a_tag(sender: Sender) -> None:
    sender.structured(event(type="t" * 300))
    row = sender.only()
    assert row["event_name"] == "t" * 199 + "\u2026"
    assert row["tags"] == {"type": "t" * 300}


@pytest.mark.parametrize(
    "name", ["MyExtension", "my.extension", "my-extension", "my_extension", "\u00e4", ""]
)
def test_c22_names_are_lower_case_letters_and_digits(sender: Sender, name: str) -> None:
    assert wrong(sender.structured(event(**{name: "bad"}))) == (name, "invalid")


def test_c22_names_of_headers_are_too(sender: Sender) -> None:
    assert wrong(sender.binary({"my_extension": "bad"})) == ("my-extension", "invalid")


@pytest.mark.parametrize("name", ["id", "source", "type", "subject", "time", "dataschema", "datacontenttype"])
@pytest.mark.parametrize("value", [25, 1.5, True, ["a"], {"a": "b"}])
def test_c23_attributes_are_texts(sender: Sender, name: str, value: Any) -> None:
    assert wrong(sender.structured(event(**{name: value}))) == (name, "invalid")


@pytest.mark.parametrize("value", [1.5, 1.0, 2**31, -(2**31) - 1, 10**30, ["a"], {"a": "b"}])
def test_c23_extensions_are_texts_booleans_or_32_bit_integers(sender: Sender, value: Any) -> None:
    assert wrong(sender.structured(event(region=value))) == ("region", "invalid")


@pytest.mark.parametrize(
    ("content_type", "body", "properties"),
    [
        ("application/json", b"not json", {"data": "not json"}),
        ("application/json", b"\xff", {"data_base64": "/w=="}),
        ("application/json", b"[" * 300, {"data": "[" * 300}),
        ("text/plain", b"\xff", {"data_base64": "/w=="}),
        ("text/plain; charset=punycode", b"abc", {"data_base64": "YWJj"}),
        ("application/octet-stream", b"abc", {"data_base64": "YWJj"}),
        ("", b'{"a": 1}', {"a": 1}),
    ],
)
def test_bytes_that_are_not_what_they_are_called_are_kept(
    sender: Sender, content_type: str, body: bytes, properties: dict[str, Any]
) -> None:
    assert sender.binary({}, body, content_type).status_code == 200
    assert sender.only()["properties"] == properties


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b"[]", b"5", b'{"a": NaN}', b"\xff", b"[" * 500, b"{" * 5000]
)
def test_what_is_no_json_object_is_no_structured_event(api: ProjectClient, body: bytes) -> None:
    answer = api.post(EVENTS, body, CONTENT_TYPE="application/cloudevents+json")
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"[1", b'[{"id": "\\ud800"}]'])
def test_what_is_no_json_array_is_no_batch(api: ProjectClient, body: bytes) -> None:
    answer = api.post(EVENTS, body, CONTENT_TYPE="application/cloudevents-batch+json")
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")

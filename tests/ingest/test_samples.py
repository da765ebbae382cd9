"""Samples of rejected records: short, and without secrets and addresses of people."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.protocols.base import Head
from ingest.protocols.otlp.wire import TRACES
from ingest.sources import samples
from ingest.sources.masking import masked
from tests.ingest.otlp.messages import PROTOBUF, span, traces

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=50,
)


@given(JSON)
def test_a_sample_is_short_whatever_the_record(record: Any) -> None:
    assert len(samples.shortened(record)) <= samples.MAX_SAMPLE


@pytest.mark.parametrize(
    ("record", "shown"),
    [
        ({"api_key": "x", "Authorization": "y"}, '{"api_key":"***","Authorization":"***"}'),
        ({"card_number": 4111, "paid": True}, '{"card_number":"***","paid":true}'),
        ({"source_ip": "10.1.2.3", "recipe": "x"}, '{"source_ip":"***","recipe":"x"}'),
        ({"note": "mail ann@example.com today"}, '{"note":"mail *** today"}'),
        ({"tags": {"session_token": {"a": 1}}}, '{"tags":{"session_token":"***"}}'),
        ({"a": None, "b": "", "c": 0}, '{"c":0}'),
        ({"text": "x" * 500}, '{"text":"' + "x" * 79 + '…"}'),
        ({"a": "Bearer abc.def-g h", "b": "see tp_a-b_c!"}, '{"a":"*** h","b":"see ***!"}'),
        ({"a": "eyJhbGciOi.eyJzdWI.x-_y"}, '{"a":"***"}'),
        ({"url": "https://x/?a=1&id_token=t&api_key=k&b=2"}, '{"url":"https://x/?a=1&id_token=***&api_key=***&b=2"}'),
        ({"a": "from 10.1.2.3:80", "b": "2001:db8::1 ::1"}, '{"a":"from ***:80","b":"*** ***"}'),
        ({"a": "1:2:3:4:5:6:7:8", "b": "12:30:45.123Z"}, '{"a":"***","b":"12:30:45.123Z"}'),
        ({"what": "std::vector http_x 1.2.3"}, '{"what":"std::vector http_x 1.2.3"}'),
        ({"ann@example.com": 1, "tp_key": 2}, '{"***":2}'),
        ({"name": "password", "value": "x"}, '{"name":"password","value":"***"}'),
        ({"key": "user.token", "value": {"stringValue": "x"}}, '{"key":"user.token","value":"***"}'),
        ({"name": "colour", "value": "red"}, '{"name":"colour","value":"red"}'),
    ],
)  # fmt: skip
def test_secrets_and_addresses_of_people_are_hidden_in_samples(record: Any, shown: str) -> None:
    assert samples.shortened(record) == shown


def test_tags_that_were_joined_as_json_are_shown_as_any_others() -> None:
    body = traces(span(attributes={"password": "x", "colour": "red"})).SerializeToString()
    head = Head(PROTOBUF)
    shown = samples.excerpts(TRACES, TRACES.decode(body, head), body, head, [0])[0]
    assert '"password":"***"' in shown
    assert '"colour":"red"' in shown


@pytest.mark.parametrize(
    ("name", "is_shown"),
    [
        *(
            (name, False)
            for name in ("pwd", "pin", "userPin", "jwt", "phpsessid", "privateKey", "access-key")
        ),
        *((name, False) for name in ("creds", "phone", "clientIp", "client_ip", "remote_addr", "http.ip")),
        *((name, True) for name in ("shipping", "spinner", "zip", "strip", "recipe", "SPIN")),
    ],
)
def test_names_say_what_is_hidden(name: str, is_shown: bool) -> None:
    assert samples.shortened({name: "x"}) == f'{{"{name}":"{"x" if is_shown else "***"}"}}'


@given(st.text(max_size=300), st.text(max_size=300))
def test_a_mask_hides_keys_wherever_they_are(before: str, after: str) -> None:
    assert "secretsecret" not in masked(f"{before} tp_secretsecret {after}")

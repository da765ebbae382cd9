"""The language of bodies that users write: what it can say, how it escapes, that it always ends."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.channels.webhook.template import MAX_BODY_LENGTH, Template, TemplateError

JSON, PLAIN, FORM = "application/json", "text/plain", "application/x-www-form-urlencoded"
VALUES: dict[str, Any] = {
    "rule": 'a "quoted" rule',
    "value": 93.5,
    "until": None,
    "labels": {"host_name": "web-1", "http.route": "/a"},
    "alerts": [{"labels": {"host_name": "web-1"}}, {"labels": {"host_name": "web-2"}}],
}


def render(text: str, content_type: str = PLAIN, values: dict[str, Any] = VALUES) -> str:
    return Template.parse(text, known=frozenset(values)).render(values, content_type)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain { } text", "plain { } text"),
        ("{{rule}}", 'a "quoted" rule'),
        ("<{{ rule }}>", '<a "quoted" rule>'),
        ("{{ value }} {{ value | json }}", "93.5 93.5"),
        ("{{ until }}|{{ until | json }}", "|null"),
        ("{{ labels.host_name }}", "web-1"),
        ("{{ labels.nobody }}", ""),
        ("{{ labels.nobody.deeper }}", ""),
        ("{{ alerts.1.labels.host_name }}", "web-2"),
        ("{{ alerts.2.labels.host_name }}", ""),
        ("{{ alerts.99999999999999999999 }}", ""),
        ("{{ labels | json }}", '{"host_name": "web-1", "http.route": "/a"}'),
        ("{{ rule.__class__ }}", ""),
        ("{{ rule }}{{ value }}", 'a "quoted" rule93.5'),
    ],
)
def test_what_a_template_says(text: str, expected: str) -> None:
    assert render(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ nobody }}", "there is no 'nobody'"),
        ("a\nb {{ nobody }}", "Line 2"),
        ("{{ rule", "has no }}"),
        ("{{ rule }} {{", "has no }}"),
        ("{{ }}", "write {{ name }}"),
        ("{{ rule | upper }}", "only filter"),
        ("{{ 1 + 1 }}", "write {{ name }}"),
        ("{{ rule() }}", "write {{ name }}"),
        ("{{ _rule }}", "there is no"),
    ],
)
def test_what_is_no_template_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(TemplateError) as error:
        render(text)
    assert words in str(error.value)


def test_a_body_that_grows_too_large_is_stopped() -> None:
    values = {"alerts": ["x" * 10_000]}
    with pytest.raises(TemplateError, match="256 KB"):
        render("{{ alerts | json }}" * 1000, values=values)
    assert len(render("{{ alerts | json }}", values=values)) < MAX_BODY_LENGTH


@given(st.text())
def test_any_value_stays_inside_its_json_string(value: str) -> None:
    assert json.loads(render('{"a": "{{ v }}"}', JSON, {"v": value})) == {"a": value}
    assert json.loads(render('{"a": {{ v | json }}}', JSON, {"v": value})) == {"a": value}


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_value_stays_inside_its_form_field(value: str) -> None:
    assert parse_qs(render("a={{ v }}&b=1", FORM, {"v": value})) == {"a": [value], "b": ["1"]}


@given(st.text())
def test_any_text_is_a_template_or_refused(text: str) -> None:
    with suppress(TemplateError):
        assert isinstance(render(text), str)

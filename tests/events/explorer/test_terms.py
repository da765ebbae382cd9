"""The language of the search box."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.explorer.terms import MAX_LENGTH, MAX_TERMS, Operator, Term, parse, written
from projects.pages.page import Problem

VALUED = [one for one in get_args(Operator) if one not in ("exists", "missing")]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("checkout", [Term("", "~", "checkout")]),
        ('"order paid"', [Term("", "~", "order paid")]),
        ("severity=error", [Term("severity", "=", "error")]),
        ("severity!=error", [Term("severity", "!=", "error")]),
        ("duration_ms>=250", [Term("duration_ms", ">=", "250")]),
        ("properties.amount>-1.5", [Term("properties.amount", ">", "-1.5")]),
        (
            "user_agent~firefox user_agent!~bot",
            [Term("user_agent", "~", "firefox"), Term("user_agent", "!~", "bot")],
        ),
        ("tags.env=*", [Term("tags.env", "exists")]),
        ("tags.env!=*", [Term("tags.env", "missing")]),
        ('tags.env="*"', [Term("tags.env", "=", "*")]),
        ('"tags.my key"="two words"', [Term("tags.my key", "=", "two words")]),
        (r'properties.text="say \"hi\""', [Term("properties.text", "=", 'say "hi"')]),
        ("tenant_id=", [Term("tenant_id", "=", "")]),
        ("=nothing", [Term("", "~", "=nothing")]),
        ('"unfinished', [Term("", "~", '"unfinished')]),
        ("a=1   a=1", [Term("a", "=", "1")]),
        ("url=http://x/?a=b&c>d", [Term("url", "=", "http://x/?a=b&c>d")]),
    ],
)
def test_words_and_terms_are_understood(text: str, terms: list[Term]) -> None:
    assert parse(text) == terms


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_terms = st.one_of(
    st.builds(Term, _texts.filter(bool), st.sampled_from(VALUED), _texts),
    st.builds(Term, _texts.filter(bool), st.sampled_from(["exists", "missing"])),
    st.builds(Term, st.just(""), st.just("~"), _texts.filter(bool)),
)


@given(st.lists(_terms, max_size=5, unique=True))
def test_what_is_written_is_read_as_the_same_terms(terms: list[Term]) -> None:
    assert parse(written(terms)) == terms


@given(st.text(max_size=200))
def test_any_text_has_some_meaning(text: str) -> None:
    assert parse(written(parse(text))) == parse(text)


@pytest.mark.parametrize("text", ["x" * (MAX_LENGTH + 1), " ".join(f"w{n}" for n in range(MAX_TERMS + 1))])
def test_a_search_has_bounds(text: str) -> None:
    with pytest.raises(Problem, match="at most"):
        parse(text)

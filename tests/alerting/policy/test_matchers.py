"""Which alerts a text means."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.policy.matchers import (
    Matcher,
    MatcherError,
    facts_of,
    match_everything,
    name_of,
    parse_all,
    stored_match,
)

LABELS = {
    "host_name": "web-1",
    "code": 500,
    "disk name": 'C: "system"',
    "severity": "label",
    "labels.rule": "deep",
}
FACTS = facts_of(LABELS, rule="High CPU", severity="warning", project="shop")


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ('host_name="web-1"', True),
        ("host_name=web-1", True),
        ("  host_name =  web-1 ", True),
        ('host_name!="web-1"', False),
        ('host_name=~"web-.*"', True),
        ('host_name=~"web"', False),
        ('host_name!~"db-.*"', True),
        ('"host_name"="web-1"', True),
        ('"disk name"="C: \\"system\\""', True),
        ('labels.severity="label"', True),
        ('"labels.labels.rule"="deep"', True),
        ('code="500"', True),
        ('code=~"5\\d\\d"', True),
        ('rule="High CPU"', True),
        ('alertname="High CPU"', True),
        ("severity=~warning|error", True),
        ('project="shop"', True),
        ('region=""', True),
        ('region!="eu"', True),
        ('region=~".+"', False),
    ],
)
def test_a_matcher_means_the_alerts_that_alertmanager_would(text: str, matches: bool) -> None:
    assert Matcher.parse(text).matches(FACTS) is matches
    assert stored_match([text], FACTS) is matches


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 0, "empty"),
        ('="x"', 0, "name is missing"),
        ("host_name", 9, "must follow the name"),
        ('host_name "x"', 10, "must follow the name"),
        ('host_name="x', 10, "never closed"),
        ("host_name=a b", 10, "stands in quotes"),
        ('host_name=~"(a"', 11, "missing )"),
        ('host_name=~"(?=a)"', 11, "Not a regular expression"),
        ('"host name', 0, "never closed"),
        ('"host name"', 11, "must follow the name"),
        ("a=" + "x" * 4000, 4000, "at most 4000 characters"),
    ],
)
def test_a_text_that_is_no_matcher_is_refused_with_the_place_of_the_mistake(
    text: str, position: int, words: str
) -> None:
    with pytest.raises(MatcherError, match=r"at character") as caught:
        Matcher.parse(text)
    assert caught.value.position == position
    assert words in str(caught.value)


@given(
    st.from_regex(r"[a-z_][a-z0-9_.]{0,20}", fullmatch=True) | st.text(max_size=20),
    st.sampled_from(["=", "!="]),
    st.text(max_size=50),
)
def test_a_matcher_reads_what_it_writes(name: str, sign: str, value: str) -> None:
    written = str(Matcher(name, sign, value))  # type: ignore[arg-type]  # one of the four
    assert Matcher.parse(written) == Matcher(name, sign, value)  # type: ignore[arg-type]


NAMES = st.text(max_size=12) | st.sampled_from(
    ["severity", "labels.severity", "labels.labels.severity", "a b"]
)


@given(st.dictionaries(NAMES, st.text(max_size=12), max_size=5))
def test_every_label_has_a_name_of_its_own_in_matchers(labels: dict[str, str]) -> None:
    facts = facts_of(labels, rule="R", severity="info", project="shop")
    written = [str(Matcher(name_of(name), "=", value)) for name, value in labels.items()]
    assert stored_match(written, facts)
    assert len(facts) == len(labels) + 4
    assert facts["severity"] == "info"


def test_a_hostile_expression_takes_no_time() -> None:
    matcher = Matcher.parse('host_name=~"(a+)+$"')
    began = time.perf_counter()
    assert not matcher.matches({"host_name": "a" * 10_000 + "b"})
    assert time.perf_counter() - began < 1


def test_what_can_no_longer_be_read_matches_nothing() -> None:
    assert not stored_match(["host_name"], FACTS)


@pytest.mark.parametrize(
    ("texts", "everything"),
    [
        ([], True),
        (['a=""'], True),
        (['a=~".*"'], True),
        (['a!="x"', 'b!~"y"'], True),
        (['a=~".*"', 'b="x"'], False),
        (['a=~".+"'], False),
    ],
)
def test_matchers_that_match_an_alert_without_labels_mean_every_alert(
    texts: list[str], everything: bool
) -> None:
    assert match_everything(parse_all(texts)) is everything

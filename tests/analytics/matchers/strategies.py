"""Random events, and matchers that find some of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

TEXTS = st.sampled_from(["a", "b", "ab", "", "5", "5.0", "true", "%", "é", "[1, 2]"])
NUMBERS = st.one_of(
    st.integers(-3, 6),
    st.sampled_from([0.5, 5.0, -0.0, 1e-7, 1e16, 1e22, 1e300, 123456789.125]),
)
VALUES = st.one_of(
    TEXTS,
    NUMBERS,
    st.booleans(),
    st.none(),
    st.lists(st.integers(1, 2), max_size=2),
    st.just({"bb": 1, "a": [None]}),
)
OBJECTS = st.dictionaries(st.sampled_from(["plan", "7"]), VALUES, max_size=2)
EVENTS = st.fixed_dictionaries(
    {"event_name": st.sampled_from(["paid", "seen"])},
    optional={
        "event_type": TEXTS,
        "user_id": TEXTS,
        "source_ip": st.sampled_from(["192.0.2.1", "2001:db8::1"]),
        "duration_ms": st.one_of(st.integers(0, 9), st.sampled_from([0.25, 1e15, 123456789012345.0, 1e-7])),
        "tags": OBJECTS,
        "properties": OBJECTS,
    },
)

SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans())
TEXT_TESTS = st.one_of(
    SCALARS,
    st.lists(SCALARS, min_size=1, max_size=3),
    st.fixed_dictionaries({"contains": TEXTS}),
    st.fixed_dictionaries({"exists": st.booleans()}),
)
NUMBER_TESTS = st.builds(
    lambda name, value: {name: value},
    st.sampled_from(["greater", "less", "greater_or_equal", "less_or_equal"]),
    NUMBERS,
)


def one_test(column: str) -> st.SearchStrategy[Any]:
    holds_numbers = column == "duration_ms" or "." in column
    plain = st.one_of(TEXT_TESTS, NUMBER_TESTS) if holds_numbers else TEXT_TESTS
    return st.one_of(plain, st.builds(lambda test: {"not": test}, plain))


COLUMNS = [
    "event_type",
    "user_id",
    "source_ip",
    "duration_ms",
    "tags.plan",
    "properties.plan",
    "properties.7",
]
FILTERS = st.sets(st.sampled_from(COLUMNS), max_size=3).flatmap(
    lambda columns: st.fixed_dictionaries({column: one_test(column) for column in columns})
)
PLAIN = st.fixed_dictionaries(
    {"filters": FILTERS}, optional={"event_name": st.just("paid"), "event_type": TEXTS}
).filter(lambda value: bool(value["filters"]) or len(value) > 1)
MATCHERS = st.one_of(
    PLAIN, st.builds(lambda any_of: {"any_of": any_of}, st.lists(PLAIN, min_size=1, max_size=3))
)

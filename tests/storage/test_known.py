"""What a process remembers of what it stored: never too much, never anything else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from storage.known import Known


@given(st.lists(st.dictionaries(st.integers(0, 50), st.integers(), max_size=10)))
def test_the_last_values_are_known_and_memory_is_bounded(rounds: list[dict[int, int]]) -> None:
    known: Known[int, int] = Known(limit=20)
    told: dict[int, int] = {}
    for values in rounds:
        known.remember(values)
        told |= values
        assert all(known.get(key) == value for key, value in values.items())
        kept = [key for key in range(51) if key in known]
        assert len(kept) <= 20 + 10
        assert all(known.get(key) == told[key] for key in kept)
    known.forget()
    assert not any(key in known for key in range(51))

"""Work on many rows of which one is bad, and keys that stay within their column."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from django.db import OperationalError
from hypothesis import given
from hypothesis import strategies as st

from alerting.policy.batches import in_batches
from alerting.policy.keys import dedup_key


@given(st.integers(0, 40), st.sets(st.integers(0, 39)), st.integers(1, 50))
def test_bad_ids_are_put_off_and_all_others_are_done_once(count: int, bad: set[int], size: int) -> None:
    done: list[int] = []
    put_off: list[int] = []

    def work(batch: Sequence[int]) -> int:
        if bad & set(batch):
            raise ValueError
        done.extend(batch)
        return len(batch)

    assert in_batches(range(count), work, put_off.append, size=size, seconds=60) == len(done)
    assert done == [one for one in range(count) if one not in bad]
    assert put_off == [one for one in range(count) if one in bad]


def test_no_id_is_blamed_for_a_server_in_trouble() -> None:
    def work(_: Sequence[int]) -> int:
        raise OperationalError

    put_off: list[int] = []
    with pytest.raises(OperationalError):
        in_batches([1, 2], work, put_off.append, size=2, seconds=60)
    assert put_off == []


def test_no_batch_begins_when_the_time_is_over() -> None:
    assert in_batches([1, 2], len, lambda _: None, size=1, seconds=0) == 0


def test_a_key_is_written_out_while_it_fits_and_unlike_any_other_where_it_does_not() -> None:
    assert dedup_key(7, "mail", "ana@example.com") == "7:mail:ana@example.com"
    long = [dedup_key("repeat", "x" * 390, f"{number}@example.com") for number in range(3)]
    assert len(set(long)) == 3
    assert {len(key) for key in long} == {400}
    assert all(key.startswith("repeat:xxx") for key in long)

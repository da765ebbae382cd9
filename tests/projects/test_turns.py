"""Of large answers two are made at a time, some wait, others are told to come again; small ones go past them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from projects import turns
from projects.turns import Busy, in_turn, take_turn


@contextmanager
def a_large_one() -> Iterator[None]:
    with in_turn():
        take_turn()
        yield


def test_a_third_large_answer_waits_and_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LONGEST_WAIT_SECONDS", 0.1)
    with (
        a_large_one(),
        a_large_one(),
        pytest.raises(Busy, match="Try again in some seconds"),
        a_large_one(),
    ):
        raise AssertionError("It was a third one.")
    with a_large_one(), a_large_one():
        """All places are free again."""


def test_whoever_waits_comes_as_soon_as_one_is_made() -> None:
    has_come = threading.Event()

    def third() -> None:
        with a_large_one():
            has_come.set()

    waiting = threading.Thread(target=third)
    with a_large_one():
        with a_large_one():
            waiting.start()
            assert not has_come.is_set()
        assert has_come.wait(10)
    waiting.join()


def test_only_some_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    places = threading.BoundedSemaphore(1)
    monkeypatch.setattr(turns, "_waiting", places)
    with places, a_large_one(), a_large_one(), pytest.raises(Busy), a_large_one():
        raise AssertionError("It waited beside another one.")


def test_a_turn_taken_twice_is_one_turn() -> None:
    with a_large_one(), a_large_one():
        take_turn()
    with a_large_one(), a_large_one():
        """All places are free again."""


def test_a_small_answer_waits_for_none() -> None:
    with a_large_one(), a_large_one(), in_turn():
        """It needs no place."""


def test_a_large_answer_that_fails_gives_its_turn_back() -> None:
    for _ in range(turns.LARGE_AT_ONCE + 1):
        with pytest.raises(ZeroDivisionError), a_large_one():
            raise ZeroDivisionError

"""An answer as a whole is over in time, however many statements it has and whatever is done between them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from django.db import DataError, connection, transaction
from django.http import HttpRequest

from analytics.in_time import in_time
from projects.api.errors import BadRequest
from projects.pages import page
from projects.pages.page import Problem, patiently
from projects.time_limits import TooCostly, answered_within, check_time, limit_statements

pytestmark = pytest.mark.django_db


def ask(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return str(cursor.fetchone()[0])


def milliseconds() -> int:
    """What the next statement may take."""
    return int(ask("SELECT setting FROM pg_settings WHERE name = 'statement_timeout'"))


def work() -> None:
    """A statement that takes 20 ms."""
    ask("SELECT pg_sleep(0.02)")


def again_and_again(step: Callable[[], None]) -> None:
    while True:
        step()


def test_many_short_statements_are_stopped_together() -> None:
    with pytest.raises(TooCostly, match="longer than 0 s"), answered_within(0.2):
        again_and_again(work)


def test_a_statement_may_take_what_those_before_it_have_left() -> None:
    with answered_within(60):
        assert 59_000 < milliseconds() <= 60_000
    with pytest.raises(TooCostly), answered_within(0.2):
        work_and_stay()


def work_and_stay() -> None:
    for _ in range(3):
        work()
    assert milliseconds() < 200
    ask("SELECT pg_sleep(10)")


def test_a_loop_without_statements_is_stopped_where_it_looks() -> None:
    with pytest.raises(TooCostly), answered_within(0.05):
        again_and_again(check_time)


def test_of_two_times_the_shorter_one_counts() -> None:
    with answered_within(60), pytest.raises(TooCostly), answered_within(0.05):
        again_and_again(check_time)
    with pytest.raises(TooCostly), answered_within(0.05), answered_within(60):
        again_and_again(check_time)


def test_what_an_answer_inside_another_was_limited_to_ends_with_it() -> None:
    with answered_within(60):
        with answered_within(5):
            assert milliseconds() <= 5000
        assert 59_000 < milliseconds() <= 60_000


def test_a_limit_that_is_rolled_back_is_set_anew() -> None:
    with answered_within(6):
        with suppress(DataError), transaction.atomic():
            ask("SELECT pg_sleep(0.7)")
            assert milliseconds() <= 5300
            ask("SELECT 1 / 0")
        assert milliseconds() <= 5300


def test_a_limit_of_its_own_is_never_lifted() -> None:
    with answered_within(60):
        limit_statements(5)
        work()
        assert milliseconds() == 5000


def test_a_failure_that_was_expected_can_be_passed_over_late() -> None:
    with pytest.raises(TooCostly), answered_within(0.2):
        again_and_again(fail_and_go_on)


def fail_and_go_on() -> None:
    with suppress(DataError), transaction.atomic():
        work()
        ask("SELECT 1 / 0")
    assert ask("SELECT 1") == "1"


def test_outside_of_an_answer_nothing_is_limited() -> None:
    check_time()
    assert ask("SHOW statement_timeout") == "0"


def test_apis_and_pages_say_so_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadRequest, match="Choose a shorter time range") as refused, in_time(0):
        raise AssertionError("It was over before it began.")
    assert refused.value.get_codes() == "too_costly"
    monkeypatch.setattr(page, "PATIENCE_SECONDS", 0)
    with pytest.raises(Problem, match="Choose a shorter time range"):
        patiently(HttpRequest)

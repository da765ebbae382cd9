"""Kinds of work that tests can steer, and jobs of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.contrib.auth.models import User
from django.utils import timezone

from projects.jobs.registry import Kind, Order, Request, Step, Work, register
from projects.models import Job

STEPS = 5

before_step: dict[int, Callable[[], None]] = {}
"""What happens to the worker before it makes a step; tests fill it through the fixture `disturb`."""


class Killed(BaseException):
    """The worker's process is gone: nothing after it runs, no error is handled."""


def _count(work: Work) -> Iterator[Step]:
    for number in range(work.cursor or 0, STEPS):
        if happens := before_step.get(number):
            happens()
        text = "" if work.parameters.get("is_silent") else f"line {number}\n"
        count = int(work.parameters.get("rows_a_step", 1))
        yield Step(number + 1, count, (number + 1) / STEPS, text)


def _check(request: Request) -> Order:
    return Order({"format": "csv", **request.given}, "counts to five")


COUNTING = register(
    Kind(name="test_counting", words="Count", permission="events.view_event", check=_check, run=_count)
)


def kill() -> None:
    raise Killed


def make_user(name: str = "ada") -> User:
    return User.objects.create_user(name, is_staff=True)


def make_job(user: User, **fields: object) -> Job:
    values = {"kind": COUNTING.name, "parameters": {"format": "csv"}, "created_at": timezone.now(), **fields}
    return Job.objects.create(user=user, **values)

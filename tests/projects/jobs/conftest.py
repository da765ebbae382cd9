from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.projects.jobs import stage

Disturb = Callable[[int, Callable[[], None]], None]


@pytest.fixture
def disturb() -> Iterator[Disturb]:
    """Let something happen before the step of this number."""
    yield stage.before_step.__setitem__
    stage.before_step.clear()

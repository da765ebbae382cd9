from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import make_home, remove_home


@pytest.fixture
def home() -> Iterator[Path]:
    """A data folder for servers of the test's own."""
    made = make_home()
    yield made
    remove_home(made)

from __future__ import annotations

import pytest

from storage.connections import connect
from tests.rolled_up import begin_rollups_now


@pytest.fixture(autouse=True)
def _own_log(db: None) -> None:
    """What the engine noted of earlier tests' projects, on its own connection, is no work of this one."""
    with connect() as own:
        own.execute("DELETE FROM journey_changes")
    begin_rollups_now()

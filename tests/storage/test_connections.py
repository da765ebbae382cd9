"""The engine room's own connections: through DATABASE_URL, or past a pooler."""

from __future__ import annotations

import os

import pytest
from pytest_django import Settings

from storage.connections import connect

pytestmark = pytest.mark.django_db


def test_direct_connections_take_the_whole_address_of_the_variable(settings: Settings) -> None:
    url = os.environ["DATABASE_URL"]
    settings.DATABASE_DIRECT_URL = f"{url}{'&' if '?' in url else '?'}application_name=past_the_pooler"
    with connect(direct=True) as direct, connect() as ordinary:
        assert direct.execute("SHOW application_name").fetchone() == ("past_the_pooler",)
        assert url.partition("?")[0].endswith(f"/{direct.info.dbname}")
        assert ordinary.execute("SHOW application_name").fetchone() == ("",)
        assert ordinary.info.dbname.startswith("test_")

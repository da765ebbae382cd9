from __future__ import annotations

import os

import pytest
import redis
from django.db import connection


@pytest.mark.django_db
def test_tests_run_on_a_postgresql_that_the_platform_supports() -> None:
    assert 150000 <= connection.cursor().connection.info.server_version < 190000
    assert connection.settings_dict["NAME"].startswith("test_")


def test_tests_run_on_a_valkey_of_their_own() -> None:
    assert redis.Redis.from_url(os.environ["REDIS_URL"]).ping()

from __future__ import annotations

import pytest
from django.test import Client

from tests.admin import superuser_client


@pytest.fixture
def admin(db: None) -> Client:
    return superuser_client()

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth import authenticate, get_user_model

from projects.keys import identify
from projects.models import ApiKey, Project
from telemetry_platform.environment import Environment, load
from telemetry_platform.first_start import ensure_first_rows

pytestmark = pytest.mark.django_db

GIVEN = {
    "ADMIN_USERNAME": "ada",
    "ADMIN_PASSWORD": "a password from outside",
    "TELEMETRY_API_KEY": "a key with spaces, from outside, 32 at least",
    "TELEMETRY_SELF_PROJECT": "my-shop",
}


def env(tmp_path: Path, **variables: str) -> Environment:
    return load({"TELEMETRY_HOME": str(tmp_path), **variables})


def test_secrets_are_made_when_none_are_given_and_they_work(tmp_path: Path) -> None:
    made = ensure_first_rows(env(tmp_path))
    assert made.is_first
    assert made.api_key
    assert made.admin_password
    assert Project.objects.get().slug == "default"
    user = authenticate(username="admin", password=made.admin_password)
    assert user
    assert user.is_superuser
    identity = identify(made.api_key)
    assert identity
    assert identity.scopes == {"ingest", "read", "manage"}


def test_given_secrets_are_used_and_never_told(tmp_path: Path) -> None:
    made = ensure_first_rows(env(tmp_path, **GIVEN))
    assert made.is_first
    assert (made.api_key, made.admin_password) == (None, None)
    project = Project.objects.get()
    assert project.slug == "my-shop"
    identity = identify(GIVEN["TELEMETRY_API_KEY"])
    assert identity
    assert identity.project_id == project.pk
    assert authenticate(username="ada", password=GIVEN["ADMIN_PASSWORD"])


def test_later_starts_make_no_users_and_no_keys(tmp_path: Path) -> None:
    ensure_first_rows(env(tmp_path))
    get_user_model().objects.all().delete()
    ApiKey.objects.all().delete()
    made = ensure_first_rows(env(tmp_path, **GIVEN))
    assert not made.is_first
    assert not get_user_model().objects.exists()
    assert not ApiKey.objects.exists()


def test_an_existing_user_keeps_the_password(tmp_path: Path) -> None:
    get_user_model().objects.create_user(username="ada", password="as before")
    made = ensure_first_rows(env(tmp_path, **GIVEN))
    assert made.admin_password is None
    assert authenticate(username="ada", password="as before")

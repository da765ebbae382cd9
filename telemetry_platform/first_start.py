"""What a fresh database gets: a project, somebody who may log in, a key."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.db import connection, transaction

from alerting.starter_rules import create_starter_rules
from projects.keys import ALL_SCOPES, create_key
from projects.models import Project
from telemetry_platform.environment import Environment
from telemetry_platform.periodic import ensure_periodic_tasks

# Called once with the first project, for what a newcomer should find in it.
FIRST_PROJECT_HOOKS: tuple[Callable[[Project], None], ...] = (create_starter_rules,)
_LOCK_NUMBER = 0x7E1E_0001


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What was made; the secrets only when they didn't come from the environment."""

    is_first: bool
    admin_password: str | None = None
    api_key: str | None = None


def ensure_first_rows(env: Environment) -> FirstStart:
    """Make what is missing. Admin user and API key are made at the first start only: deleted ones stay deleted."""
    with transaction.atomic():
        with connection.cursor() as cursor:  # two machines starting at once on one database
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK_NUMBER])
        is_first = not Project.objects.exists()
        project, _ = Project.objects.get_or_create(
            slug=env.self_project, defaults={"name": env.self_project.replace("-", " ").capitalize()}
        )
        made = _make_access(env, project) if is_first else FirstStart(is_first=False)
        ensure_periodic_tasks(env)
    return made


def _make_access(env: Environment, project: Project) -> FirstStart:
    password = None
    users = get_user_model().objects
    if not users.filter(username=env.admin_username).exists():
        password = env.admin_password or secrets.token_urlsafe(12)
        users.create_superuser(username=env.admin_username, password=password)
    _, key = create_key(project, "First key", ALL_SCOPES, key=env.api_key)
    for hook in FIRST_PROJECT_HOOKS:
        hook(project)
    return FirstStart(
        is_first=True,
        admin_password=None if env.admin_password else password,
        api_key=None if env.api_key else key,
    )

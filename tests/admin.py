"""People who use the admin."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from projects.models import Project


def superuser_client() -> Client:
    return _client(get_user_model().objects.create_superuser(_name(), password=None))


def member_client(project: Project, *models: str) -> Client:
    """A staff user who belongs to one project and may view the given models (`"app.model"`)."""
    user = get_user_model().objects.create_user(_name(), is_staff=True)
    project.members.add(user)
    for model in models:
        app, name = model.split(".")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=f"view_{name}")
        )
    return _client(user)


def _name() -> str:
    return f"user-{uuid.uuid4().hex[:12]}"


def _client(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client

"""Whose projects a user sees; apart from the admin, which what only reads projects needn't load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import QuerySet

from projects.models import Project

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser, AnonymousUser


def visible_projects(user: AbstractUser | AnonymousUser) -> QuerySet[Project]:
    """The projects a user belongs to; all of them for superusers."""
    if user.is_superuser:
        return Project.objects.all()
    return Project.objects.filter(members=user.pk)

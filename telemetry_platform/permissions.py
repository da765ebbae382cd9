"""What users may do, read once a request."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.http import HttpRequest


class PermissionsBackend(ModelBackend):
    """Reads a user's own permissions and those of their groups by one query: every page of the admin needs both.

    Stands before Django's own backend, which logs people in and finds the permissions remembered here.
    """

    def authenticate(
        self, request: HttpRequest | None, username: Any = None, password: Any = None, **kwargs: Any
    ) -> None:
        """Nobody: a wrong password would be hashed twice."""

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        if not user_obj.is_active or user_obj.is_anonymous or obj is not None:
            return set()
        if not hasattr(user_obj, "_perm_cache"):
            user_obj._perm_cache = _permissions(user_obj)
        found: set[str] = user_obj._perm_cache
        return found


def _permissions(user: Any) -> set[str]:
    """As "app.codename"."""
    names = Permission.objects.order_by().values_list("content_type__app_label", "codename")
    if not user.is_superuser:
        names = names.filter(user=user).union(names.filter(group__user=user))
    return {f"{app}.{codename}" for app, codename in names}

"""What a user may do is read by one query, whether it is their own or their groups'."""

from __future__ import annotations

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from projects.models import Project

pytestmark = pytest.mark.django_db

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def mia() -> User:
    """May view rules by herself, alerts by her group."""
    user = User.objects.create_user("mia", is_staff=True, password="right")
    group = Group.objects.create(name="on call")
    rules, alerts = (Permission.objects.get(codename=name) for name in ("view_rule", "view_alert"))
    user.user_permissions.add(rules)
    group.permissions.add(alerts)
    user.groups.add(group)
    return User.objects.get(pk=user.pk)


def test_own_permissions_and_those_of_groups_are_one_query(
    mia: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        assert mia.has_module_perms("alerting")
        assert mia.has_perms(["alerting.view_rule", "alerting.view_alert"])
        assert not mia.has_perm("alerting.change_alert")
        assert mia.get_all_permissions() == {"alerting.view_rule", "alerting.view_alert"}


def test_who_is_inactive_or_nobody_may_nothing(mia: User) -> None:
    mia.is_active = False
    assert not mia.has_perm("alerting.view_rule")
    assert not AnonymousUser().has_perm("alerting.view_rule")
    assert User.objects.create_superuser("ada").get_all_permissions() >= {"alerting.delete_rule"}


def test_a_session_from_djangos_own_backend_goes_on(mia: User, project: Project) -> None:
    project.members.add(mia)
    client = Client()
    client.force_login(mia, backend=MODEL_BACKEND)
    assert client.get("/admin/inbox/").status_code == 200


def test_djangos_own_backend_logs_people_in(mia: User) -> None:
    found = authenticate(username="mia", password="right")
    assert getattr(found, "backend", "") == MODEL_BACKEND
    assert authenticate(username="mia", password="wrong") is None

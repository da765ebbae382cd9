"""Fixtures every test may use. The servers behind them are started by `tests.settings`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from hypothesis import settings
from pytest_django import DjangoDbBlocker

from projects.keys import forget_cached_keys
from projects.models import Project
from projects.retention import forget_cached_policies
from storage import writer
from tests import citus
from tests.browser.launching import browser
from tests.clients import ProjectClient, client_of

__all__ = ["browser"]

# Made-up cases a property is tried with: enough to find what is wrong over some runs, few enough for a suite that is
# run all day. No deadline, because other processes share the machine.
settings.register_profile("suite", max_examples=30, deadline=None)
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _fresh_caches() -> Iterator[None]:
    yield
    forget_cached_keys()
    forget_cached_policies()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    citus.drop_leftovers()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The writer keeps a connection of its own; the test database can't be dropped before it closes."""
    with django_db_blocker.unblock():
        citus.distribute_test_database()
    yield
    writer.close_writer()
    with django_db_blocker.unblock():
        citus.drop_worker_databases()


def make_project(name: str) -> Project:
    """A project of its own for each test: what the writer commits outlives the test, but nobody else sees it."""
    return Project.objects.create(name=name, slug=f"{name}-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def project(db: None) -> Project:
    return make_project("shop")


@pytest.fixture
def other_project(db: None) -> Project:
    return make_project("bank")


@pytest.fixture
def api(project: Project) -> ProjectClient:
    """The HTTP API with a key of `project` that has all scopes."""
    return client_of(project)


@pytest.fixture
def other_api(other_project: Project) -> ProjectClient:
    return client_of(other_project)

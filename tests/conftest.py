"""Fixtures every test may use. The servers behind them are started by `tests.settings`."""

from __future__ import annotations

import gc
import os
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import settings
from pytest_django import DjangoDbBlocker

from projects.keys import forget_cached_keys
from projects.models import Project
from projects.retention import forget_cached_policies
from storage import writer
from tests import citus, template
from tests.browser.launching import browser
from tests.clients import ProjectClient, client_of

__all__ = ["browser"]

# Made-up cases a property is tried with: enough to find what is wrong over some runs, few enough for a suite that is
# run all day, and the same each time, so that a red run has its cause in the change. HYPOTHESIS_PROFILE=search tries
# others in each run. No deadline, because other processes share the machine.
settings.register_profile("suite", max_examples=20, deadline=None, derandomize=True)
settings.register_profile("search", max_examples=100, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))

LONGEST_ID = 60


def pytest_collection() -> None:
    gc.disable()


def pytest_collection_finish() -> None:
    """What was imported stays to the end: no later collection looks at these million objects again."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Without this a value of a million characters would be the name of its test, sent between processes."""
    return f"long {argname}" if isinstance(val, str | bytes) and len(val) > LONGEST_ID else None


@pytest.fixture(autouse=True)
def _fresh_caches() -> Iterator[None]:
    yield
    forget_cached_keys()
    forget_cached_policies()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker
) -> None:
    citus.drop_leftovers()
    with django_db_blocker.unblock():
        template.copy_template()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The writer keeps a connection of its own; the test database can't be dropped before it closes."""
    with django_db_blocker.unblock():
        citus.distribute_test_database()
    yield
    writer.close_writer()
    with django_db_blocker.unblock():
        citus.drop_worker_databases()
    template.drop_template()


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

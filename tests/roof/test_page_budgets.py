"""What each page costs: at most as many queries as written down beside this file, however many rows there are.

Members ask one query more than superusers, for what they may do.

After a page has got cheaper, or is new, this writes the file anew:

    PAGE_BUDGETS=write python -m pytest tests/roof/test_page_budgets.py

More than 12 queries for one page or panel are too many whatever the file says.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.admin_pages import make_scene, panels_asked_for, panels_of

pytestmark = pytest.mark.django_db

BUDGETS = Path(__file__).with_name("page_budgets.json")
MOST_QUERIES = 12

_OUTSIDE = re.compile(
    r"<(?:link|script|img|iframe|source|use)\b[^>]*\b(?:src|href|srcset)=[\"']?(?:https?:)?//[^\"'>]*", re.I
)
_FRAME = re.compile(r"SAVEPOINT|set_config")


FOR_SUPERUSERS = {"storage"}
PERMISSIONS_QUERIES = 1


@pytest.fixture
def superuser() -> User:
    return User.objects.create_superuser("ada")


@pytest.fixture
def member() -> User:
    """May do everything, in the projects they belong to."""
    user = User.objects.create_user("mia", is_staff=True)
    user.user_permissions.set(Permission.objects.all())
    return user


def visits(client: Client, pages: Mapping[str, str]) -> Iterator[tuple[str, int, str]]:
    """(name, queries, text) of each page and panel; a first visit fills what a process keeps in memory."""
    for name, url in pages.items():
        count, text = _visit(client, url)
        yield name, count, text
        for panel in panels_asked_for(text, url):
            named = re.search(r"panel=(\w+)", panel)
            assert named
            yield f"{name}: {named[1]}", *_visit(client, panel)


def _visit(client: Client, url: str) -> tuple[int, str]:
    client.get(url)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(url)
    assert answer.status_code in (200, 286), f"{url}: {answer.status_code}"
    # What a transaction begins, bounds and ends with reads nothing; elsewhere it isn't a savepoint, either.
    asked = [query for query in queries if not _FRAME.search(query["sql"])]
    return len(asked), answer.content.decode()


def test_no_page_asks_more_than_its_budget_for_few_rows_or_many(
    superuser: User, member: User, client: Client
) -> None:
    client.force_login(superuser)
    few = {name: count for name, count, _ in visits(client, make_scene(superuser, 2).pages)}
    scene = make_scene(member, 12)
    scene.project.members.add(member)
    client.force_login(member)
    theirs = {name: url for name, url in scene.pages.items() if name not in FOR_SUPERUSERS}
    many = {name: count for name, count, _ in visits(client, theirs)}
    if os.environ.get("PAGE_BUDGETS") == "write":
        BUDGETS.write_text(json.dumps(few, indent=2) + "\n")
    budgets = json.loads(BUDGETS.read_text())
    assert few.keys() == budgets.keys(), "pages have come or gone: write the file anew"
    assert {name: count for name, count in few.items() if count > MOST_QUERIES} == {}
    assert {name: count for name, count in few.items() if count > budgets[name]} == {}, "over the budget"
    assert {name: count for name, count in many.items() if count > MOST_QUERIES} == {}, "of members"
    grown = {
        name: (few[name], count)
        for name, count in many.items()
        if name in few and count > few[name] + PERMISSIONS_QUERIES
    }
    assert grown == {}, "grows with rows"


def test_no_panel_breaks_when_it_is_asked_for_out_of_its_turn(superuser: User) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(superuser)
    panels = [panel for url in make_scene(superuser).pages.values() for panel in panels_of(url)]
    assert [panel for panel in panels if client.get(panel).status_code >= 500] == []


def test_no_page_names_anything_of_another_host_to_load(superuser: User, client: Client) -> None:
    scene = make_scene(superuser)
    open_pages = {"login": "/admin/login/", "acknowledge": scene.acknowledge_url}
    found = {name: _OUTSIDE.findall(text) for name, _, text in visits(Client(), open_pages)}
    client.force_login(superuser)
    found |= {name: _OUTSIDE.findall(text) for name, _, text in visits(client, scene.pages)}
    assert {name: outside for name, outside in found.items() if outside} == {}

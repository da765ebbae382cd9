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
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Visit:
    url: str
    query_count: int
    text: str


def visits(client: Client, pages: Mapping[str, str]) -> Iterator[tuple[str, Visit]]:
    """Each page and the panels that it asks for, by name."""
    for name, url in pages.items():
        page = _visit(client, url)
        yield name, page
        for panel in panels_asked_for(page.text, url):
            named = re.search(r"panel=(\w+)", panel)
            assert named
            yield f"{name}: {named[1]}", _visit(client, panel)


def costs(client: Client, pages: Mapping[str, str], allowed: Mapping[str, int]) -> dict[str, int]:
    """Queries of each page and panel; those over what is allowed get a second chance.

    The first visit may have filled what a process keeps in memory.
    """
    return {
        name: visit.query_count
        if visit.query_count <= allowed.get(name, 0)
        else _visit(client, visit.url).query_count
        for name, visit in visits(client, pages)
    }


def _visit(client: Client, url: str) -> Visit:
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(url)
    assert answer.status_code in (200, 286), f"{url}: {answer.status_code}"
    # What a transaction begins, bounds and ends with reads nothing; elsewhere it isn't a savepoint, either.
    asked = [query for query in queries if not _FRAME.search(query["sql"])]
    return Visit(url, len(asked), answer.content.decode())


def test_no_page_asks_more_than_its_budget_for_few_rows_or_many(
    superuser: User, member: User, client: Client
) -> None:
    is_writing = os.environ.get("PAGE_BUDGETS") == "write"
    budgets = {} if is_writing else json.loads(BUDGETS.read_text())
    client.force_login(superuser)
    few = costs(client, make_scene(superuser, 2).pages, budgets)
    scene = make_scene(member, 12)
    scene.project.members.add(member)
    client.force_login(member)
    theirs = {name: url for name, url in scene.pages.items() if name not in FOR_SUPERUSERS}
    allowed = {name: count + PERMISSIONS_QUERIES for name, count in few.items()}
    many = costs(client, theirs, allowed)
    if is_writing:
        BUDGETS.write_text(json.dumps(few, indent=2) + "\n")
        budgets = few
    assert few.keys() == budgets.keys(), "pages have come or gone: write the file anew"
    assert {name: count for name, count in few.items() if count > MOST_QUERIES} == {}
    assert {name: count for name, count in few.items() if count > budgets[name]} == {}, "over the budget"
    assert {name: count for name, count in many.items() if count > MOST_QUERIES} == {}, "of members"
    grown = {
        name: (few[name], count) for name, count in many.items() if name in allowed and count > allowed[name]
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
    found = {name: _OUTSIDE.findall(visit.text) for name, visit in visits(Client(), open_pages)}
    client.force_login(superuser)
    found |= {name: _OUTSIDE.findall(visit.text) for name, visit in visits(client, scene.pages)}
    assert {name: outside for name, outside in found.items() if outside} == {}

"""What a search finds, by the box and by the API's field names."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from events.filters import EventFilterSet
from projects.models import Project
from tests.admin import member_client, superuser_client
from tests.clients import ProjectClient
from tests.events.explorer.looking import PATH, find_link, found, look, names, send, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def mixed(api: ProjectClient, other_api: ProjectClient) -> ProjectClient:
    send(
        api,
        {"event_name": "checkout_started", "severity": "info", "user_id": "ana", "duration_ms": 12.5},
        {"event_name": "checkout_failed", "severity": "error", "user_id": "bob", "duration_ms": 900,
         "trace_id": "4BF92F3577B34DA6A3CE929D0E0E4736", "source_ip": "10.0.0.7"},
        {"event_name": "Order paid", "tags": {"env": "prod", "0": "zero"},
         "properties": {"amount": 120, "plan": "two words"}},
        {"event_name": "order refunded", "tags": {"env": "test"}, "properties": {"amount": -5.5, "deep": {"a": 1}}},
        {"event_name": "log", "event_type": "log", "properties": {"body": "Payment declined"}, "id": "client's id"},
    )  # fmt: skip
    send(other_api, {"event_name": "checkout_of_others"})
    return api


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"q": "checkout"}, ["checkout_failed", "checkout_started"]),
        ({"q": "CHECKOUT fail"}, ["checkout_failed"]),
        ({"q": "declined"}, ["log"]),
        ({"q": "severity=error"}, ["checkout_failed"]),
        ({"severity": "error"}, ["checkout_failed"]),
        ({"severity": "error", "q": "user_id=ana"}, []),
        ({"q": "severity!=error checkout"}, ["checkout_started"]),
        ({"q": "severity=*"}, ["checkout_failed", "checkout_started"]),
        ({"q": "severity!=* event_type!=log"}, ["Order paid", "order refunded"]),
        ({"q": "user_id~AN"}, ["checkout_started"]),
        ({"q": "user_id!~an user_id=*"}, ["checkout_failed"]),
        ({"q": "duration_ms>12.5"}, ["checkout_failed"]),
        ({"q": "duration_ms<=12.5"}, ["checkout_started"]),
        ({"duration_ms": "900"}, ["checkout_failed"]),
        ({"tags.env": "prod"}, ["Order paid"]),
        ({"tags.0": "zero"}, ["Order paid"]),
        ({"q": 'properties.plan="two words"'}, ["Order paid"]),
        ({"q": "properties.amount>=-5.5"}, ["Order paid", "order refunded"]),
        ({"q": "properties.amount<0"}, ["order refunded"]),
        ({"q": "properties.plan>1"}, []),
        ({"q": 'properties.deep~"\\"a\\""'}, ["order refunded"]),
        ({"trace_id": "4BF92F3577B34DA6A3CE929D0E0E4736"}, ["checkout_failed"]),
        ({"source_ip": "10.0.0.7"}, ["checkout_failed"]),
        ({"id": "client's id"}, ["log"]),
        ({"q": "%"}, []),
        ({"event_name": "Order paid"}, ["Order paid"]),
    ],
)
def test_a_search_finds_what_it_says(
    mixed: ProjectClient, query: dict[str, str], expected: list[str]
) -> None:
    assert names(mixed, **query) == expected


def test_an_event_is_found_by_the_id_that_the_export_names(mixed: ProjectClient) -> None:
    for event in found(mixed):
        assert names(mixed, id=event["id"]) == [event["event_name"]]


@pytest.mark.parametrize("name", sorted(set(EventFilterSet.base_filters) - {"start", "end", "timestamp"}))
def test_every_filter_of_the_api_is_one_of_the_page(api: ProjectClient, name: str) -> None:
    value = {"source_ip": "10.0.0.7", "duration_ms": "5"}.get(name, "x")
    assert found(api, **{name: value}) == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"q": "colour=red"}, "There is no field 'colour'"),
        ({"colour": "red"}, "Events can't be filtered by 'colour'"),
        ({"q": "severity>3"}, "severity holds text"),
        ({"q": "duration_ms>fast"}, "'fast' is not a number"),
        ({"q": "duration_ms>nan"}, "'nan' is not a number"),
        ({"q": "source_ip=home"}, "'home' is not an IP address"),
        ({"q": "person!=ana"}, "person=<any of their ids>"),
        ({"q": "id~4"}, "id=<id>"),
        ({"by": "colour"}, "There is no field 'colour'"),
        ({"q": "x" * 2001}, "at most 2000 characters"),
    ],
)
def test_what_makes_no_sense_is_said_and_can_be_mended(
    api: ProjectClient, query: dict[str, str], words: str
) -> None:
    page = look(api, **query)
    assert words in text(page)
    assert 'type="search"' in page
    answer = superuser_client().get(PATH, {"project": str(api.project.pk), "panel": "list", **query})
    assert answer.status_code == 200
    assert "Traceback" not in answer.content.decode()


def test_each_term_is_a_chip_that_can_be_removed(mixed: ProjectClient) -> None:
    page = look(mixed, severity="error", q='checkout "tags.a b"=c')
    chips = {"severity=error": "severity", "checkout": "q", '"tags.a b"=c': "q"}
    for chip, name in chips.items():
        left = find_link(page, f"Remove the filter {chip}")
        assert left.get("severity") == (None if name == "severity" else "error")
        assert chip not in left.get("q", "")


def test_hostile_texts_are_shown_as_they_are(api: ProjectClient) -> None:
    evil = "<img src=x onerror=alert(1)>"
    send(
        api,
        {
            "event_name": evil,
            "user_id": evil,
            "severity": evil,
            "tags": {evil: evil, "a,b": "\u202e", "": "empty"},
            "properties": {evil: [evil], "long": "x" * 5000, "body": evil},
        },
    )
    for panel in ("counts", "list", "facets"):
        shown = look(api, panel=panel, by=f"tags.{evil}", columns=f"tags.{evil},user_id")
        assert evil not in shown
        assert "&lt;img" in shown
    assert evil not in look(api, q=f'"{evil}"')
    event = found(api)[0]
    assert evil not in look(api, panel="event", event=event["id"])


def test_only_ones_own_projects_can_be_looked_at(api: ProjectClient, other_project: Project) -> None:
    send(api, {})
    stranger = member_client(other_project, "events.event")
    for more in ({}, {"panel": "list"}, {"export": "json"}):
        assert stranger.get(PATH, {"project": str(api.project.pk), **more}).status_code == 404
    assert member_client(api.project).get(PATH).status_code == 403
    assert reverse("explore_events") == PATH


def test_nothing_of_the_url_breaks_the_page(api: ProjectClient) -> None:
    send(api, {})
    odd: list[dict[str, Any]] = [
        {"cursor": "nonsense"},
        {"columns": "nonsense,tags.,,user_id"},
        {"event": "nonsense", "at": "nonsense"},
        {"range": "nonsense"},
        {"q": "\x00"},
        {"live": "1", "by": "tags.x"},
    ]
    for query in odd:
        for panel in ("", "counts", "facets", "list", "event"):
            assert look(api, **query, **({"panel": panel} if panel else {}))

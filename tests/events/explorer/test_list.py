"""The list of events, one event whole, and whose events they are."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.urls import reverse

from events.explorer import paging
from events.explorer.walking import backwards, forwards
from events.exports import KIND
from projects.jobs.registry import CannotStart, Request, Work
from tests.admin import superuser_client
from tests.clients import ProjectClient
from tests.events.explorer.looking import NOW, PATH, found, links, look, minutes_ago, names, send, text

pytestmark = pytest.mark.django_db

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


def rows(page: str) -> list[str]:
    return [piece.split("</a>")[0].split(">")[-1] for piece in page.split("data-opens-event=")[1:]]


def link_named(page: str, words: str) -> str:
    [url] = [piece.rsplit('href="', 1)[1].split('"')[0] for piece in page.split(f"{words}</a>")[:-1]]
    return url.replace("&amp;", "&")


@pytest.mark.parametrize("q", ["", "tags.env!=*"])
def test_pages_hold_every_event_once_also_where_all_share_a_time(api: ProjectClient, q: str) -> None:
    send(api, *({"event_name": f"e{number}"} for number in range(120)))
    client = superuser_client()
    page, seen, back = look(api, panel="list", q=q), [], ""
    for _ in range(3):
        seen.append(rows(page))
        if ">Older<" in page:
            url = link_named(page, "Older")
            page = client.get(f"{PATH}{url}&panel=list").content.decode()
            back = link_named(page, "Newer")
    assert [len(part) for part in seen] == [50, 50, 20]
    assert len({name for part in seen for name in part}) == 120
    assert rows(client.get(f"{PATH}{back}&panel=list").content.decode()) == seen[1]


def test_newer_events_of_a_rare_filter_are_looked_for_outwards_and_further_when_asked(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = [
        {"event_name": f"e{number:02}", "timestamp": minutes_ago(50 + number / 100)} for number in range(51)
    ]
    send(api, *early, {"event_name": "late", "timestamp": minutes_ago(20)})
    client = superuser_client()
    oldest = client.get(f"{PATH}{link_named(look(api, panel='list', q='tags.env!=*'), 'Older')}&panel=list")
    assert rows(oldest.content.decode()) == ["e49", "e50"]

    # As where there is time for one piece a page.
    monkeypatch.setattr(paging, "forwards", partial(forwards, budget_seconds=0))
    page = client.get(f"{PATH}{link_named(oldest.content.decode(), 'Newer')}&panel=list").content.decode()
    assert rows(page) == [f"e{number:02}" for number in range(49)]
    assert ">Newer<" not in page
    seen: list[str] = []
    while "Look further forward" in page:
        assert "Looked forward to" in page
        url = link_named(page, "Look further forward")
        page = client.get(f"{PATH}{url}&panel=list").content.decode()
        seen += rows(page)
    assert seen == ["late"]


def test_a_search_that_ran_out_of_time_goes_on_where_it_ended(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(api, *({"timestamp": minutes_ago(number)} for number in (5, 25, 55)))
    monkeypatch.setattr(paging, "backwards", partial(backwards, budget_seconds=0))
    page, seen = look(api, panel="list", q="tags.env!=*"), 0
    for _ in range(4):
        seen += len(rows(page))
        if "Look further back" in page:
            url = link_named(page, "Look further back")
            page = superuser_client().get(f"{PATH}{url}&panel=list").content.decode()
    assert seen == 3
    assert "Looked back to" not in page


def test_a_cursor_of_another_range_leads_to_the_newest_events(api: ProjectClient) -> None:
    send(
        api,
        *({"timestamp": minutes_ago(40 + number / 60)} for number in range(60)),
        {"timestamp": minutes_ago(1)},
    )
    cursor = link_named(look(api, panel="list"), "Older").split("cursor=")[1].split("&")[0]
    assert len(rows(look(api, panel="list", range="15m", cursor=cursor))) == 1


def test_columns_are_chosen_by_the_url(api: ProjectClient) -> None:
    send(
        api, {"user_id": "ana", "tags": {"env": "prod"}, "duration_ms": 1930, "properties": {"sku": [1, "a"]}}
    )
    usual = text(look(api, panel="list"))
    assert "user_id" in usual
    assert "ana" in usual
    chosen = text(look(api, panel="list", columns="tags.env,duration_ms,properties.sku"))
    assert "tags.env duration_ms properties.sku" in chosen
    assert 'prod 1.93 s [1, "a"]' in chosen
    assert "login" in rows(look(api, panel="list", columns="none"))


def test_log_records_show_what_they_say(api: ProjectClient) -> None:
    log = {"event_type": "log", "severity": "warning"}
    send(
        api,
        {**log, "event_name": "log", "properties": {"body": "Disk nearly full\nof host web-2"}},
        {**log, "event_name": "payment.declined", "properties": {"body": "Card expired"}},
        {"event_name": "paid", "properties": {"amount": 12, "deep": {"a": [1]}}},
    )
    page = look(api, panel="list")
    assert {"Disk nearly full of host web-2", "payment.declined", "paid"} == set(rows(page))
    assert "payment.declined Card expired" in text(page)
    assert 'paid deep={"a": [1]} amount=12' in text(page)
    assert "state-warning" in page


def test_an_empty_list_says_what_to_do(api: ProjectClient) -> None:
    assert "No events yet" in look(api, panel="list")
    assert "curl " in look(api, panel="list")
    send(api, {"timestamp": (NOW - timedelta(days=3)).isoformat()})
    page = look(api, panel="list")
    assert "No event matches" in page
    there = link_named(page, "Show the hour before the newest event")
    answer = superuser_client().get(f"{PATH}{there}&panel=list")
    assert len(rows(answer.content.decode())) == 1


def test_an_event_is_shown_whole_and_leads_on(api: ProjectClient) -> None:
    send(
        api,
        {
            "id": "client's id",
            "event_name": "checkout_failed",
            "severity": "error",
            "user_id": "ana",
            "session_id": "s1",
            "trace_id": TRACE_ID,
            "tags": {"env": "prod"},
            "properties": {"amount": 12.5, "items": [1, 2]},
        },
    )
    project = api.project.pk
    page = look(api, panel="event", event="client's id", q="checkout")
    assert "client's id" in text(page)
    assert '"amount": 12.5' in text(page)
    assert "properties.items [1, 2]" in text(page)
    urls = links(page)
    assert f"{reverse('explore_trace', args=[TRACE_ID])}?project={project}&range=1h" in urls
    assert f"{reverse('explore_person', args=['ana'])}?project={project}&range=1h" in urls
    for parameters in ("session_id=s1", "person=ana"):
        assert f"{PATH}?project={project}&range=1h&{parameters}" in urls
    [rule] = [url for url in urls if url.startswith(reverse("admin:alerting_rule_add"))]
    assert "rule_type=event_frequency" in rule
    assert "event_name=checkout_failed" in rule
    assert any("q=checkout" in url and "tags.env=prod" in url for url in urls)
    assert (
        superuser_client().get(next(url for url in urls if "/admin/events/event/" in url)).status_code == 200
    )


def test_the_row_leads_to_its_event_among_equal_ids(api: ProjectClient) -> None:
    send(api, {"id": "same", "event_name": "old", "timestamp": minutes_ago(20)})
    send(api, {"id": "same", "event_name": "new", "timestamp": minutes_ago(10)})
    page = look(api, panel="list")
    panels = [piece.split('"')[1].replace("&amp;", "&") for piece in page.split("data-opens-event=")[1:]]
    client = superuser_client()
    shown = [client.get(f"{PATH}{url}").content.decode() for url in panels]
    assert ["new" in one.split("</h2>")[0] for one in shown] == [True, False]


def test_an_event_of_another_project_is_not_there(api: ProjectClient, other_api: ProjectClient) -> None:
    send(other_api, {"id": "theirs"})
    assert "isn&#x27;t there any more" in look(api, panel="event", event="theirs")


def test_a_person_is_all_their_ids(api: ProjectClient) -> None:
    calls = [
        {"type": "track", "event": "visited", "anonymousId": "device-1", "messageId": "1"},
        {"type": "identify", "anonymousId": "device-1", "userId": "ana", "messageId": "2"},
    ]
    answer = api.post("/v1/batch", {"batch": calls})
    assert answer.status_code == 200, answer.content
    send(
        api,
        {"event_name": "bought", "user_id": "ana", "session_id": "s1"},
        {"event_name": "bought", "user_id": "ana", "session_id": "s2", "severity": "error"},
        {"event_name": "bought", "user_id": "bob"},
    )
    assert names(api, user_id="ana").count("bought") == 2
    assert "visited" not in names(api, user_id="ana")
    assert "visited" in names(api, person="device-1")
    header = look(api, panel="person", user_id="ana")
    assert "The same person as device-1" in text(header)
    assert any("person=ana" in url and "user_id" not in url for url in links(header))
    whole = text(look(api, panel="person", person="device-1"))
    assert whole.startswith("ana history Timeline Also known as device-1")
    assert "Sessions 2" in whole
    assert 'id="panel-person"' in look(api, user_id="ana")
    assert 'id="panel-person"' not in look(api)


def test_exports_hold_what_the_list_shows(api: ProjectClient) -> None:
    send(api, {"id": "mine", "event_name": "paid", "tags": {"a": 1}, "source_ip": "10.0.0.7"}, {})
    [event] = found(api, event_name="paid")
    assert (event["id"], event["tags"], event["source_ip"]) == ("mine", {"a": 1}, "10.0.0.7")
    assert event["timestamp"].startswith(minutes_ago(30)[:16])
    answer = superuser_client().get(PATH, {"project": str(api.project.pk), "export": "csv", "q": "paid"})
    head, row = answer.getvalue().decode().splitlines()
    assert head.split(",")[:2] == ["id", "event_name"]
    assert row.startswith("mine,paid")


def test_all_that_match_are_exported_by_a_worker(api: ProjectClient) -> None:
    send(api, {"event_name": "paid", "user_id": "ana"}, {"event_name": "paid"}, {})
    given = {
        "start": minutes_ago(60),
        "end": NOW.isoformat(),
        "q": "paid",
        "user_id": "ana",
        "format": "jsonl",
    }
    order = KIND.check(Request(given, api.project.pk, NOW))
    steps = KIND.run(Work(order.parameters, api.project.pk, NOW))
    written = [json.loads(line) for line in "".join(step.text for step in steps).splitlines()]
    assert [(one["event_name"], one["user_id"]) for one in written] == [("paid", "ana")]
    assert datetime.fromisoformat(written[0]["timestamp"]) < NOW
    with pytest.raises(CannotStart, match="no field 'colour'"):
        KIND.check(Request({**given, "q": "colour=red"}, api.project.pk, NOW))


def test_each_part_asks_few_queries(api: ProjectClient, django_assert_max_num_queries: Any) -> None:
    send(api, *({"user_id": "ana", "session_id": f"s{number}", "severity": "error"} for number in range(60)))
    client = superuser_client()
    for query in ({}, {"user_id": "ana"}, {"person": "ana", "by": "tags.a", "range": "7d"}):
        for panel in ("", "counts", "facets", "list", "person", "event"):
            more = {"panel": panel, "event": found(api)[0]["id"]} if panel else {}
            # Two of them are the savepoint that the transaction of a panel is within a test's own.
            with django_assert_max_num_queries(12 + 2):
                assert client.get(PATH, {"project": api.project.pk, **query, **more}).status_code == 200

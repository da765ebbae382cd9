"""What the inbox shows: each alert under one state, worst first, filtered and grouped by the URL."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from alerting.inbox import rows
from alerting.models import Alert, InhibitionRule, Status
from projects.models import Project
from tests.admin import member_client, superuser_client
from tests.alerting.inbox.scene import (
    INBOX,
    NOW,
    alert,
    counts,
    html,
    names,
    operator,
    pending,
    person,
    resolved,
    silence,
)
from tests.alerting.test_alerts_page import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana(project: Project) -> Client:
    return operator(project)


def test_every_alert_stands_under_one_state(ana: Client, project: Project) -> None:
    alert(project, "Checkout error rate")
    alert(project, "Disk nearly full", status=Status.ACKNOWLEDGED, acknowledged_by="bob", acknowledged_at=NOW)
    alert(project, "Slow search", labels={"host_name": "web-9"})
    pending(project, "Queue grows")
    resolved(project, "Backup failed")
    silence(project, 'host_name="web-9"')
    expected = {
        "firing": ["Checkout error rate"],
        "acknowledged": ["Disk nearly full"],
        "silenced": ["Slow search"],
        "pending": ["Queue grows"],
        "resolved": ["Backup failed"],
    }
    for state, rules in expected.items():
        page = html(ana, project, state=state)
        assert names(page) == rules
        assert counts(page) == {**dict.fromkeys(expected, "1"), "open": "3"}


def test_a_row_says_what_is_wrong_since_when_and_whose_it_is(ana: Client, project: Project) -> None:
    alert(project, "Checkout error rate", 12, labels={"tenant": "t12"}, value=9.0)
    text = text_of(html(ana, project))
    assert "error Checkout error rate tenant=t12 9 >= 5 12 min unowned Acknowledge" in text


def test_who_acknowledged_what_is_over_is_seen_at_once(ana: Client, project: Project) -> None:
    over = resolved(project, "Backup failed", 0.5)
    Alert.objects.filter(pk=over.pk).update(acknowledged_by="bob", acknowledged_at=NOW - timedelta(hours=13))
    text = text_of(html(ana, project, state="resolved"))
    assert "Backup failed host_name=web-1 acknowledged by bob 13 h ago" in text
    assert "resolved 12 h ago" in text


def test_the_worst_come_first_and_of_these_the_newest(ana: Client, project: Project) -> None:
    for name, severity, minutes in (
        ("a", "warning", 1),
        ("b", "critical", 9),
        ("c", "info", 2),
        ("d", "critical", 3),
    ):
        alert(project, name, minutes, severity=severity)
    assert names(html(ana, project)) == ["d", "b", "a", "c"]


def test_where_more_is_open_than_is_looked_at_the_worst_stay(
    ana: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert(project, "old and critical", 9000, severity="critical")
    alert(project, "a", 1, severity="info")
    alert(project, "b", 2, severity="info")
    monkeypatch.setattr(rows, "MOST_OPEN", 2)
    page = html(ana, project)
    assert names(page) == ["old and critical", "a"]
    assert "the worst 2,000 are looked at" in page


def test_what_an_inhibition_keeps_quiet_is_named_under_silenced(ana: Client, project: Project) -> None:
    alert(project, "Slow pages")
    alert(project, "Host down", labels={"host_name": "web-1", "down": "1"})
    InhibitionRule.objects.create(
        project=project, name="hosts", source_matchers=['down="1"'], target_matchers=['down=""'],
        equal_labels=["host_name"],
    )  # fmt: skip
    page = html(ana, project, state="silenced")
    assert names(page) == ["Slow pages"]
    assert "inhibited by hosts: Host down fires" in text_of(page)


def test_resolved_alerts_are_those_of_the_time_range(ana: Client, project: Project) -> None:
    resolved(project, "today")
    resolved(project, "last week", 5)
    resolved(project, "long ago", 20)
    assert names(html(ana, project, state="resolved")) == ["today", "last week"]
    assert names(html(ana, project, state="resolved", range="24h")) == ["today"]
    assert counts(html(ana, project, range="30d"))["resolved"] == "3"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"q": "checkout"}, ["Checkout errors"]),
        ({"q": "HOST_NAME=db"}, ["Disk nearly full"]),
        ({"q": "errors db"}, []),
        ({"severity": "warning"}, ["Disk nearly full"]),
        ({"mine": "1"}, ["Disk nearly full"]),
    ],
)
def test_it_is_filtered_by_the_url(project: Project, parameters: dict[str, str], expected: list[str]) -> None:
    ana = operator(project)
    alert(project, "Checkout errors")
    disk = alert(project, "Disk nearly full", severity="warning", labels={"host_name": "db-1"})
    disk.assigned_to = project.members.get()
    disk.save()
    page = html(ana, project, **parameters)
    assert names(page) == expected
    assert counts(page)["firing"] == str(len(expected))
    assert ("Nothing passes these filters" in page) == (not expected)


def test_it_is_grouped_by_rule_severity_or_a_label(ana: Client, project: Project) -> None:
    alert(project, "Errors", 1, labels={"tenant": "t1"})
    alert(project, "Slow", 2, labels={"tenant": "t2"})
    alert(project, "Errors", 3, labels={"tenant": "t2"})
    alert(project, "Disk", 4, labels={}, severity="warning")

    def groups(by: str) -> list[str]:
        page = html(ana, project, group_by=by)
        return [part.split("<")[0].strip() for part in page.split('class="inbox-group">')[1:]]

    assert groups("rule") == ["Errors", "Slow", "Disk"]
    assert groups("severity") == ["error", "warning"]
    assert groups("tenant") == ["tenant=t1", "tenant=t2", "without tenant"]
    assert '<option value="tenant">' in html(ana, project)


@pytest.mark.parametrize(("name", "value"), [("state", "late"), ("severity", "awful")])
def test_what_it_does_not_know_is_said(ana: Client, project: Project, name: str, value: str) -> None:
    assert f"There is no {name} &#x27;{value}&#x27;" in html(ana, project, **{name: value})


def test_labels_are_text_and_never_markup(ana: Client, project: Project) -> None:
    alert(project, "<b>bold</b>", labels={"<i>": "<script>alert(1)</script>", "big": "x" * 5000})
    page = html(ana, project, group_by="<i>")
    for hostile in ("<b>bold", "<i>", "<script>alert"):
        assert hostile not in page


def test_long_lists_come_in_pieces(ana: Client, project: Project) -> None:
    for number in range(3):
        alert(project, f"rule {number}", number)
    page = html(ana, project, rows="2")
    assert names(page) == ["rule 0", "rule 1"]
    assert "1 more." in text_of(page)
    assert "rows=202" in page


def test_an_empty_inbox_says_what_will_be_here(ana: Client, project: Project) -> None:
    assert "Nothing is firing What your rules find wrong comes here by itself" in text_of(html(ana, project))


def test_a_refresh_is_the_list_alone(ana: Client, project: Project) -> None:
    alert(project, "Checkout error rate")
    piece = html(ana, project, panel="list")
    assert names(piece) == ["Checkout error rate"]
    assert "<html" not in piece


def test_alerts_of_other_projects_are_not_there(
    ana: Client, project: Project, other_project: Project
) -> None:
    alert(other_project, "Theirs")
    assert names(html(ana, project)) == []
    assert ana.get(f"{INBOX}?project={other_project.pk}").status_code == 404


def test_who_may_not_see_alerts_sees_no_inbox(project: Project) -> None:
    assert member_client(project).get(INBOX).status_code == 403


def test_who_may_only_look_is_offered_nothing_to_do(project: Project) -> None:
    alert(project, "Checkout error rate")
    page = html(person(project, "guest"), project)
    assert names(page) == ["Checkout error rate"]
    for button in (">Acknowledge<", ">Resolve<", ">Silence<", ">Assign<"):
        assert button not in page


def test_the_table_is_exported_as_it_is_shown(ana: Client, project: Project) -> None:
    one = alert(project, "=HYPERLINK(1)", labels={"tenant": "t1"}, value=float("inf"))
    alert(project, "Other")
    url = f"{INBOX}?project={project.pk}&q=tenant=t1&export="
    exported = json.loads(ana.get(f"{url}json").getvalue())
    assert [(row["id"], row["rule"], row["labels"], row["value"]) for row in exported] == [
        (str(one.pk), "=HYPERLINK(1)", {"tenant": "t1"}, "inf")
    ]
    text = ana.get(f"{url}csv").getvalue().decode()
    assert "'=HYPERLINK(1)" in text
    assert len(text.splitlines()) == 2


def test_it_costs_as_many_queries_for_many_alerts_as_for_one(
    project: Project, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        alert(project, f"rule {number}", number)
        resolved(project, f"over {number}")
    silence(project, 'host_name="web-9"')
    InhibitionRule.objects.create(
        project=project, name="hosts", source_matchers=['down="1"'], target_matchers=['down=""'],
        equal_labels=["host_name"],
    )  # fmt: skip
    client = superuser_client()
    html(client, project)
    # A dozen, and three that begin, bound and end their transaction.
    with django_assert_max_num_queries(15):
        html(client, project, group_by="host_name")
    with django_assert_max_num_queries(15):
        html(client, project, state="resolved")


def test_times_are_those_of_the_reader(ana: Client, project: Project) -> None:
    alert(project, "Checkout error rate", labels={"host_name": "web-9"})
    muted = silence(project, 'host_name="web-9"')
    ana.cookies["timezone"] = "Asia/Kolkata"
    text = text_of(html(ana, project, state="silenced"))
    there = muted.ends_at + timedelta(hours=5, minutes=30)
    assert f"silenced by ana until {there:%Y-%m-%d %H:%M:%S} : deploy" in text
    assert "UTC" not in text.split("Export")[1]


def test_all_that_is_open_stands_together_as_the_overview_counts_it(ana: Client, project: Project) -> None:
    alert(project, "Checkout error rate", severity="critical")
    alert(project, "Disk nearly full", status=Status.ACKNOWLEDGED, acknowledged_by="bob", acknowledged_at=NOW)
    alert(project, "Slow search", labels={"host_name": "web-9"}, severity="warning")
    pending(project, "Queue grows")
    resolved(project, "Backup failed")
    silence(project, 'host_name="web-9"')
    page = html(ana, project, state="open")
    assert names(page) == ["Checkout error rate", "Disk nearly full", "Slow search"]
    tile = ana.get(f"/admin/?project={project.pk}&panel=numbers").content.decode()
    value = re.search(r'id="tile-alerts" href="([^"]+)">.*?<strong[^>]*>(\d+)', tile, re.DOTALL)
    assert value
    assert value[2] == "3"
    assert names(ana.get(unescape(value[1])).content.decode()) == names(page)


def test_an_empty_inbox_leads_to_the_rules_of_those_who_may_see_them(project: Project) -> None:
    rules, add = 'href="/admin/alerting/rule/?', 'href="/admin/alerting/rule/add/?'
    writer = person(project, "writer", "view_rule", "add_rule")
    assert rules in html(writer, project)
    assert add in html(writer, project)
    guest = html(person(project, "guest"), project)
    assert "Nothing is firing" in guest
    assert rules not in guest

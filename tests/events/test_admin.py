"""The admin's pages of events: a log record shows its message, an event leads to its trace."""

from __future__ import annotations

from typing import Any

import pytest

from projects.models import Project
from tests.admin import superuser_client
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
EVENTS = "/admin/events/event/"


def send(api: ProjectClient, **fields: Any) -> None:
    assert api.post("/api/v1/events", fields).json()["accepted"] == 1


def send_log(api: ProjectClient, body: object, name: str = "") -> None:
    record = {"timeUnixNano": "0", "body": body, "eventName": name}
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    assert api.post("/v1/logs", logs).status_code == 200


def page(path: str) -> str:
    answer = superuser_client().get(path)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize(
    ("body", "name", "shown"),
    [
        ({"stringValue": "Payment <4711> declined"}, "", "Payment &lt;4711&gt; declined"),
        ({"stringValue": "word " * 100}, "", "word word…"),
        ({"stringValue": "Payment declined"}, "payment.declined", "payment.declined"),
        ({"intValue": "5"}, "", ">log<"),
        ({"stringValue": ""}, "", ">log<"),
    ],
)
def test_the_list_shows_what_a_log_record_says(api: ProjectClient, body: Any, name: str, shown: str) -> None:
    send_log(api, body, name)
    assert shown in page(f"{EVENTS}?project={api.project.pk}")


def test_an_event_s_property_of_that_name_is_not_its_name(api: ProjectClient) -> None:
    send(api, event_name="mail_sent", properties={"body": "Dear Ana"})
    listed = page(f"{EVENTS}?project={api.project.pk}")
    assert "mail_sent" in listed
    assert "Dear Ana" not in listed


def test_the_page_leads_to_the_trace(api: ProjectClient) -> None:
    send(api, id="with", event_name="paid", trace_id=TRACE_ID)
    send(api, id="without", event_name="paid")
    link = f'href="/admin/explore/traces/{TRACE_ID}/?project={api.project.pk}"'
    assert link in page(f"{EVENTS}with/change/?project={api.project.pk}")
    assert link not in page(f"{EVENTS}without/change/?project={api.project.pk}")


def test_a_filter_whose_value_no_event_can_have_is_refused(project: Project) -> None:
    answer = superuser_client().get("/admin/events/event/", {"project": str(project.pk), "source_ip": "1"})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/events/event/?e=1")

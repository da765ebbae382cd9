"""The page "How to send": what it shows can be pasted and works."""

from __future__ import annotations

import ast
import base64
import json
import re
import shlex
from typing import Any

import pytest
from django.test import Client
from django.urls import resolve, reverse

from ingest.how_to_send.base import KEY, filled, server_url
from ingest.how_to_send.clients import CLIENTS
from projects.models import Project
from tests.admin import member_client, superuser_client
from tests.clients import client_of

pytestmark = pytest.mark.django_db

URL = "https://telemetry.example.com"
TEXTS = {f"{client.slug}, {part.title}": part.text for client in CLIENTS for part in client.parts}
CURLS = {name: text for name, text in TEXTS.items() if text.lstrip().startswith("curl")}
ADDED_BY_CLIENTS = {
    "opentelemetry": ("/v1/traces", "/v1/metrics", "/v1/logs"),
    "segment": ("/v1/t", "/v1/batch"),
}


def send(command: str, key: str) -> Any:
    """What curl would send."""
    words = shlex.split(filled(command, URL, key).replace("\\\n", " "))[1:]
    headers: dict[str, str] = {}
    body = ""
    url = words.pop(0)
    while words:
        option, value = words.pop(0), words.pop(0)
        if option == "-H":
            name, _, text = value.partition(": ")
            headers[name] = text
        elif option == "-d":
            body = value
        elif option == "-u":
            headers["Authorization"] = f"Basic {base64.b64encode(value.encode()).decode()}"
    content_type = headers.pop("Content-Type")
    wsgi: Any = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    return Client().generic("POST", url.removeprefix(URL), body.encode(), content_type=content_type, **wsgi)


@pytest.mark.parametrize("name", CURLS)
def test_every_curl_line_is_accepted(project: Project, name: str) -> None:
    answer = send(CURLS[name], client_of(project).key)
    assert answer.status_code in (200, 202), answer.content
    assert json.loads(answer.content).get("rejected", 0) == 0


def test_every_path_on_the_page_is_served() -> None:
    found = {path for text in TEXTS.values() for path in re.findall(r"__URL__(/[a-z0-9/_-]+)", text)}
    found |= {path for paths in ADDED_BY_CLIENTS.values() for path in paths}
    found.add("/api/v1/prometheus/federate")
    assert len(found) >= 5
    for path in found:
        resolve(path)


def test_the_python_on_the_page_is_python() -> None:
    for text in TEXTS.values():
        if text.lstrip().startswith("import ") and "from " not in text:
            ast.parse(filled(text, URL))


def test_programs_in_any_language_are_given_the_key_in_one_spelling() -> None:
    """A blank in OTEL_EXPORTER_OTLP_HEADERS has to be encoded; some SDKs drop the header otherwise."""
    found = [line for text in TEXTS.values() for line in text.splitlines() if "OTLP_HEADERS" in line]
    assert len(found) == 2
    assert set(found) == {'export OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20__KEY__"'}


def test_a_django_project_is_told_where_its_settings_are() -> None:
    """The instrumentation reads them before manage.py has said which they are."""
    lines = TEXTS["django, Traces of requests"].strip().splitlines()
    assert 'export DJANGO_SETTINGS_MODULE="shop.settings"' in lines[:-1]
    assert lines[-1].startswith("opentelemetry-instrument python manage.py")


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.slug)
def test_each_client_has_its_page_with_this_servers_address(project: Project, client: Any) -> None:
    page = superuser_client().get(f"{reverse('how_to_send')}?client={client.slug}&project={project.pk}")
    text = page.content.decode()
    assert page.status_code == 200
    assert "&lt;API key&gt;" in text
    assert not re.findall(r"__[A-Z]+__", text)
    assert f"kind={client.key_kind}&amp;project={project.pk}" in text


@pytest.mark.parametrize(
    "query", ["", "?client=nonsense", "?project=x", "?project=99999999999999999999", "?project=²"]
)
def test_wrong_parameters_lead_to_the_first_client(query: str) -> None:
    page = superuser_client().get(reverse("how_to_send") + query)
    assert page.context["client"] is CLIENTS[0]


def test_members_get_links_to_their_projects_alone(project: Project, other_project: Project) -> None:
    page = member_client(project).get(f"{reverse('how_to_send')}?project={other_project.pk}")
    assert (page.status_code, page.context["project"]) == (200, None)
    assert "/login/" in Client().get(reverse("how_to_send")).headers["Location"]


@pytest.mark.parametrize(
    ("public_url", "asked_url", "shown"),
    [
        ("https://t.example.com", "http://10.0.0.5:8000", "https://t.example.com"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://localhost:8000", "http://127.0.0.1:8000", "http://localhost:8000"),
        ("http://localhost:8000", "http://box.lan:8000", "http://box.lan:8000"),
    ],
)
def test_the_address_is_the_public_one_or_that_of_the_reader(
    public_url: str, asked_url: str, shown: str
) -> None:
    assert server_url(public_url, asked_url) == shown


def test_settings_name_host_and_scheme_apart_where_clients_want_that() -> None:
    assert (
        filled("__SCHEME__|__HOST__|__KEY__", "https://t.example.com:8443")
        == f"https|t.example.com:8443|{KEY}"
    )


def test_the_project_page_and_empty_lists_lead_there(project: Project) -> None:
    client = superuser_client()
    link = f"{reverse('how_to_send')}?project={project.pk}"
    assert link in client.get(reverse("admin:projects_project_change", args=[project.pk])).content.decode()
    empty = client.get(f"{reverse('admin:events_event_changelist')}?project={project.pk}").content.decode()
    assert reverse("how_to_send") in empty
    assert reverse("sources") in empty

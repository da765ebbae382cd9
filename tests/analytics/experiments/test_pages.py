"""Experiments in the admin: set up on a form, listed, suggested from the data, and read on a page."""

from __future__ import annotations

import json
import re
import shlex
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from analytics.experiments import results_page
from analytics.models.experiments import Experiment, ExperimentMetric
from projects.models import Project
from tests.admin import member_client, superuser_client
from tests.analytics.experiments.scene import (
    PAID,
    REVENUE,
    START,
    event,
    group,
    make_experiment,
    paid,
    seen,
    send,
)
from tests.clients import ProjectClient, counts

pytestmark = pytest.mark.django_db

FORM = "/admin/analytics/experiment"


def page(client: Client, project: Project, query: str = "", slug: str = "") -> str:
    """The text of a page or panel, with single blanks."""
    url = reverse("explore_experiment", args=[slug]) if slug else reverse("explore_experiments")
    answer = client.get(f"{url}?project={project.pk}{query}")
    assert answer.status_code == 200, answer.content
    return " ".join(answer.content.decode().split())


def exported(client: Client, project: Project, form_of: str, path: str = "") -> str:
    answer = client.get(f"/admin/explore/experiments/{path}?project={project.pk}&export={form_of}")
    assert answer.status_code == 200
    return answer.getvalue().decode()


def form(project: Project, *metrics: dict[str, Any], **fields: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "project": project.pk,
        "name": "Green button",
        "slug": "checkout",
        "exposure": '{"event_name": "experiment_viewed"}',
        "variant_column": "properties.variant",
        "control": "control",
        "shares": "control = 30\nnew = one = 70",
        "starts_at_0": f"{START:%Y-%m-%d}",
        "starts_at_1": f"{START:%H:%M:%S}",
        "minimum_days": 7,
        "metrics-TOTAL_FORMS": len(metrics),
        "metrics-INITIAL_FORMS": 0,
        **fields,
    }
    for number, metric in enumerate(metrics):
        values = {"position": number, "kind": "conversion", "better": "higher", **metric}
        values["matcher"] = json.dumps(values["matcher"])
        data |= {f"metrics-{number}-{name}": value for name, value in values.items()}
    return data


def test_an_experiment_is_set_up_on_one_form_which_leads_to_its_results(project: Project) -> None:
    client = superuser_client()
    answer = client.post(f"{FORM}/add/", form(project, PAID, REVENUE))
    assert answer.status_code == 302, answer.content
    made = Experiment.objects.get(project=project)
    assert made.shares == {"control": 30, "new = one": 70}
    assert [metric.key for metric in made.metrics.all()] == ["paid", "revenue"]
    assert answer.headers["Location"] == f"/admin/explore/experiments/checkout/?project={project.pk}"
    assert "control = 30\nnew = one = 70" in client.get(f"{FORM}/{made.pk}/change/").content.decode()


@pytest.mark.parametrize(
    ("metrics", "fields", "message"),
    [
        ([], {}, "Needs 1 to 10, not 0."),
        ([{**PAID, "matcher": {"event": "x"}}], {}, "event: Unknown key."),
        ([{**PAID, "column": "properties.x"}], {}, "A conversion counts people, not a number."),
        ([PAID], {"shares": "a = b"}, "is not written like"),
        ([PAID], {"shares": "b = 1\nc = 1"}, "Must name the control"),
        ([PAID], {"variant_column": "colour"}, "is not one of id, event_type"),
        ([PAID], {"minimum_days": 2**31 - 1}, "Ensure this value is less than or equal to 32767."),
        ([PAID], {"minimum_days": 10**30}, "Ensure this value is less than or equal to 32767."),
        ([PAID], {"ends_at_0": "2001-01-01", "ends_at_1": "00:00:00"}, "Must be after the start."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_makes_no_experiment_is_told_on_the_form(
    project: Project, metrics: list[dict[str, Any]], fields: dict[str, Any], message: str
) -> None:
    answer = superuser_client().post(f"{FORM}/add/", form(project, *metrics, **fields))
    assert answer.status_code == 200
    assert message in answer.content.decode()
    assert not Experiment.objects.exists()


@pytest.mark.parametrize(
    "exposure", ["[" * 5000, '"\\ud800"', '{"broken'], ids=["deep", "surrogate", "broken"]
)
def test_a_link_to_the_form_that_makes_no_sense_leaves_it_empty(project: Project, exposure: str) -> None:
    answer = superuser_client().get(f"{FORM}/add/?{urlencode({'project': project.pk, 'exposure': exposure})}")
    assert answer.status_code == 200
    assert exposure not in answer.content.decode()


def test_the_results_are_said_in_sentences_and_rows(api: ProjectClient) -> None:
    make_experiment(api, PAID, {**REVENUE, "better": "lower"}, planned_people=100, minimum_days=1)
    send(api, *group("control", 60, 12), *group("b", 60, 30))
    text = page(superuser_client(), api.project, "&panel=results", "checkout")
    assert (
        "b converts 30 points more than the control, 95 % interval 13 to 44.7 points more; &gt; 99.9 % likely"
        in text
    )
    assert "b has 3 more than the control" in text
    assert re.findall(r'state-word">([^<]*)<', text) == ["better", "worse"]
    assert "p-value<small>z-test" in text
    assert "p-value<small>Welch" in text
    assert "120 of 100 planned people" in text
    assert "/api/v1/analytics/experiments/checkout/" in text


def test_a_mismatch_and_a_look_too_early_stand_above_the_figures(api: ProjectClient) -> None:
    make_experiment(api, planned_people=1000, shares={"control": 1, "b": 1})
    send(api, *group("control", 60, 12), *group("b", 20, 6))
    text = page(superuser_client(), api.project, "&panel=results", "checkout")
    assert text.index("People are not shared out as planned") < text.index("Too early to decide")
    assert text.index("Too early to decide") < text.index("b converts")


def test_nobody_yet_says_what_to_send(api: ProjectClient) -> None:
    make_experiment(api)
    text = page(superuser_client(), api.project, "&panel=results", "checkout")
    assert "Nobody takes part yet" in text
    assert "experiment_viewed where properties.experiment is checkout" in text
    run(api, text)
    assert "Nobody takes part yet" not in page(superuser_client(), api.project, "&panel=results", "checkout")


def test_the_command_of_another_form_of_exposure_is_one_of_it(api: ProjectClient) -> None:
    exposure = {"any_of": [{"event_name": "it's shown", "filters": {"tags.test": 7}}, {"event_name": "x"}]}
    make_experiment(api, exposure=exposure, variant_column="tenant_id")
    client = superuser_client()
    run(api, page(client, api.project, "&panel=results", "checkout"))
    assert "1 people" in page(client, api.project, "&panel=results", "checkout")


@pytest.mark.parametrize(
    "filters",
    [
        {"duration_ms": 250, "trace_id": "", "source_ip": ""},
        {"duration_ms": {"equals": 0.5}, "tags.beta": "", "properties.step": 2},
        {"user_id": ""},
        {"user_id": "", "anonymous_id": "bo"},
    ],
)
def test_the_command_is_accepted_and_an_exposure_whatever_columns_are_asked_for(
    api: ProjectClient, filters: dict[str, Any]
) -> None:
    make_experiment(api, exposure={"event_name": "shown", "filters": filters})
    client = superuser_client()
    run(api, page(client, api.project, "&panel=results", "checkout"))
    assert "1 people" in page(client, api.project, "&panel=results", "checkout")


@pytest.mark.parametrize(
    "exposure",
    [{"event_name": ""}, {"filters": {"duration_ms": "slow"}}, {"filters": {"duration_ms": -1}}],
)
def test_the_command_is_accepted_also_where_no_event_can_be_an_exposure(
    api: ProjectClient, exposure: dict[str, Any]
) -> None:
    make_experiment(api, exposure=exposure)
    run(api, page(superuser_client(), api.project, "&panel=results", "checkout"))


def run(api: ProjectClient, text: str) -> None:
    """Do what the command on the page does."""
    command = unescape(text.split('id="experiment-command"', 1)[1].split(">", 1)[1].split("</pre>", 1)[0])
    words = shlex.split(command.replace("\\ ", ""))
    assert words[0] == "curl"
    body = json.loads(words[words.index("-d") + 1])
    assert counts(api.post(urlsplit(words[1]).path, body)) == (1, 0, 0)


@pytest.mark.parametrize("form_of", ["csv", "json"])
def test_the_table_is_exported(api: ProjectClient, form_of: str) -> None:
    make_experiment(api)
    send(api, seen("ana", "control"), paid("ana"), seen("bo", "=cmd()"))
    client = superuser_client()
    text = exported(client, api.project, form_of, "checkout/")
    assert "difference_low" in text
    assert ("'=cmd()" in text) == (form_of == "csv")
    assert "checkout" in exported(client, api.project, form_of)


def test_experiments_in_the_data_are_offered_and_lead_to_a_form_that_is_filled_in(api: ProjectClient) -> None:
    client = superuser_client()
    empty = page(client, api.project)
    assert "No experiment is set up" in empty
    run(api, empty)
    assert "slug=checkout" in page(client, api.project, "&panel=seen")
    send(
        api,
        *(seen("ana", "b"), seen("bo", "control"), seen("bo", "control", 1)),
        event(
            "cy", "Experiment Viewed", 0, properties={"experiment_name": "<b>Price", "variation_name": "x"}
        ),
    )
    text = page(client, api.project, "&panel=seen")
    assert "&lt;b&gt;Price" in text
    link = next(url for url in re.findall(r'href="([^"]*)"', text) if "slug=checkout" in url).replace(
        "&amp;", "&"
    )
    assert parse_qs(urlsplit(link).query)["control"] == ["control"]
    filled = client.get(link).content.decode()
    assert "properties.experiment&quot;: &quot;checkout" in filled
    make_experiment(api)
    text = page(client, api.project, "&panel=seen")
    assert "slug=checkout" not in text
    assert "Green button" in page(client, api.project)


def test_hostile_names_are_only_text(api: ProjectClient) -> None:
    evil = "<script>alert(1)</script>"
    make_experiment(api, {**PAID, "name": evil}, name=evil, control=evil, description=evil)
    send(api, seen("ana", evil), seen("bo", f"{evil}2"), *(seen(f"u{n}", f"{evil}{n}") for n in range(30)))
    client = superuser_client()
    for text in (
        page(client, api.project),
        page(client, api.project, slug="checkout"),
        page(client, api.project, "&panel=results", "checkout"),
        page(client, api.project, "&panel=seen"),
    ):
        assert evil not in text


def test_an_experiment_that_can_t_be_read_is_told_in_words(api: ProjectClient) -> None:
    make_experiment(api)
    ExperimentMetric.objects.update(column="properties.x")
    text = page(superuser_client(), api.project, "&panel=results", "checkout")
    assert "can&#x27;t be evaluated as it is set up: metrics[0].column" in text


def test_results_that_take_longer_than_pages_may_say_what_else_helps(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_experiment(api)
    monkeypatch.setattr(results_page, "PATIENCE_SECONDS", 0)
    text = page(superuser_client(), api.project, "&panel=results", "checkout")
    assert "took more than 0 s and was stopped. Let it start later" in text


def test_members_see_the_experiments_of_their_projects(api: ProjectClient, other_api: ProjectClient) -> None:
    for one in (api, other_api):
        make_experiment(one, name=f"Button of {one.project.name}")
    client = member_client(api.project, "analytics.experiment")
    assert "Button of shop" in page(client, api.project)
    assert "New experiment" not in page(client, api.project)
    listed = client.get(f"{FORM}/").content.decode()
    assert "Button of shop" in listed
    assert "Button of bank" not in listed
    url = reverse("explore_experiment", args=["checkout"])
    assert client.get(f"{url}?project={other_api.project.pk}").status_code == 404
    assert "No such experiment" in page(client, api.project, slug="other")
    assert (
        client.get(f"/admin/explore/experiments/other/?project={api.project.pk}&panel=results").status_code
        == 404
    )
    assert member_client(api.project).get(url).status_code == 403

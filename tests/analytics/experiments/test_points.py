"""Metric points of experiments, and rules that watch them."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analytics.experiments import points
from analytics.models.experiments import Experiment, ExperimentMetric
from storage import writer
from storage.writer import QueueFull
from telemetry_platform.tasks import measure_experiments
from tests.admin import member_client, superuser_client
from tests.alerting.scenes import alerts, make_rule, tick
from tests.analytics.experiments.scene import PAID, REVENUE, START, group, make_experiment, paid, seen, send
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db


def written(api: ProjectClient, name: str) -> dict[tuple[str, ...], list[float]]:
    """Values by labels, without the experiment's own; the oldest first."""
    found: dict[tuple[str, ...], list[float]] = {}
    for point in api.results(f"/api/v1/metrics/?metric_name={name}")[::-1]:
        labels = {label: text for label, text in point["tags"].items() if label != "experiment"}
        found.setdefault(tuple(labels[label] for label in sorted(labels)), []).append(point["metric_value"])
    return found


def test_people_shares_and_means_are_written_of_each_variant(api: ProjectClient) -> None:
    make_experiment(api, PAID, REVENUE)
    send(api, *group("control", 4, 1), *group("b", 2, 1), seen("odd", "b"), seen("odd", "control"))
    measure_experiments()
    assert written(api, "experiment_people") == {("control",): [4], ("b",): [2]}
    assert written(api, "experiment_conversion_ratio") == {("paid", "control"): [0.25], ("paid", "b"): [0.5]}
    assert written(api, "experiment_mean") == {("revenue", "control"): [2.5], ("revenue", "b"): [5]}
    (point, *_) = api.results("/api/v1/metrics/?metric_name=experiment_people")
    assert point["tags"]["experiment"] == "checkout"


def test_points_come_every_five_minutes_while_it_runs(api: ProjectClient, other_api: ProjectClient) -> None:
    now = timezone.now()
    make_experiment(api, ends_at=(now + timedelta(minutes=9)).isoformat())
    make_experiment(other_api, starts_at=(now + timedelta(hours=1)).isoformat())
    send(api, seen("ana", "control"))
    for minutes in (0, 1, 6, 12):
        points.write(now + timedelta(minutes=minutes), seconds=60)
    assert written(api, "experiment_people") == {("control",): [1, 1]}
    assert not points.DUE.has_rows(now + timedelta(minutes=12))
    assert written(other_api, "experiment_people") == {}


def test_an_average_that_nobody_has_is_no_point(api: ProjectClient) -> None:
    make_experiment(api, {**REVENUE, "kind": "average"})
    send(api, seen("ana", "control"), seen("bo", "b"), paid("bo", 1, 7))
    points.write(timezone.now(), seconds=60)
    assert written(api, "experiment_mean") == {("revenue", "b"): [7]}


def test_an_experiment_that_can_not_be_read_says_so_and_holds_up_no_other(api: ProjectClient) -> None:
    make_experiment(api)
    make_experiment(api, PAID, slug="broken", name="Broken")
    ExperimentMetric.objects.filter(experiment__slug="broken").update(column="properties.x")
    send(api, seen("ana", "control"))
    now = timezone.now()
    points.write(now, seconds=60)
    assert written(api, "experiment_people") == {("control",): [1]}

    assert "points could not be written: metrics[0].column" in shown(api, "broken")
    ExperimentMetric.objects.update(column="")
    points.write(now + timedelta(minutes=6), seconds=60)
    assert "could not be written" not in shown(api, "broken")


def shown(api: ProjectClient, slug: str = "checkout") -> str:
    """The head of its page."""
    url = reverse("explore_experiment", args=[slug])
    return superuser_client().get(f"{url}?project={api.project.pk}").content.decode()


def test_points_that_could_not_be_stored_are_a_problem_until_the_next_ones_are(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_experiment(api)
    send(api, seen("ana", "control"))
    now = timezone.now()
    with monkeypatch.context() as patched:
        patched.setattr(writer.GroupWriter, "write", _refuse)
        points.write(now, seconds=60)
    assert "points could not be written: The store did not take them" in shown(api)
    points.write(now + timedelta(minutes=6), seconds=60)
    assert "could not be written" not in shown(api)
    assert written(api, "experiment_people") == {("control",): [1]}


def _refuse(*_: Any) -> None:
    raise QueueFull


def test_a_problem_of_an_experiment_that_has_ended_is_none_any_more(api: ProjectClient) -> None:
    make_experiment(api)
    Experiment.objects.update(problem="It took too long.")
    assert "It took too long." in shown(api)
    Experiment.objects.update(ends_at=START + timedelta(days=1))
    assert "It took too long." not in shown(api)


def test_a_metric_leads_to_the_chart_of_its_points(api: ProjectClient) -> None:
    make_experiment(api, PAID)
    send(api, *group("control", 4, 2), *group("b", 5, 1))
    points.write(timezone.now(), seconds=60)
    client, url = superuser_client(), reverse("explore_experiment", args=["checkout"])
    text = client.get(f"{url}?project={api.project.pk}&panel=results").content.decode()
    chart = unescape(text.split('aria-label="As a metric', 1)[0].rsplit('href="', 1)[1].split('"', 1)[0])
    shown = client.get(f"{chart}&panel=chart").content.decode()
    assert ">control<" in shown
    assert ">b<" in shown


def rule_links(client: Client, api: ProjectClient) -> list[dict[str, str]]:
    """What each metric's "Make a rule" fills in."""
    url = reverse("explore_experiment", args=["checkout"])
    text = client.get(f"{url}?project={api.project.pk}&panel=results").content.decode()
    links = [link.replace("&amp;", "&") for link in re.findall(r'href="([^"]*rule/add[^"]*)"', text)]
    return [{name: one for name, (one,) in parse_qs(urlsplit(link).query).items()} for link in links]


def test_a_rule_watches_for_a_variant_that_does_a_fifth_worse_than_the_control(api: ProjectClient) -> None:
    costs = {**REVENUE, "key": "costs", "name": "Costs", "better": "lower"}
    make_experiment(api, PAID, costs, minimum_days=1)
    send(api, *group("control", 4, 2), *group("b", 5, 1))
    client = superuser_client()
    share, mean = rule_links(client, api)
    assert (share["metric"], share["operator"], share["threshold"]) == (points.CONVERSION, "<", "0.4")
    assert (mean["metric"], mean["operator"], mean["threshold"]) == (points.MEAN, ">", "6")
    assert (share["group_by"], share["no_data"]) == ("variant", "ok")
    assert share["filters"] == "experiment=checkout\nmetric=paid"
    assert rule_links(member_client(api.project, "analytics.experiment"), api) == []
    Experiment.objects.update(ends_at=START + timedelta(days=1))
    assert rule_links(client, api) == []


def test_the_rule_that_is_filled_in_fires_for_that_variant_alone(api: ProjectClient) -> None:
    make_experiment(api, PAID)
    send(api, *group("control", 4, 2), *group("b", 5, 1))
    now = timezone.now()
    points.write(now, seconds=60)
    make_rule(
        api,
        metric=points.CONVERSION,
        operator="<",
        threshold=0.4,
        aggregation="last",
        time_window_minutes=15,
        filters={"experiment": "checkout", "metric": "paid"},
        group_by=["variant"],
    )
    tick(now + timedelta(seconds=30))
    assert [alert["labels"] for alert in alerts(api)] == [{"variant": "b"}]

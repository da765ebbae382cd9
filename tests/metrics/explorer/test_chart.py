"""A metric drawn: by its type, by its labels, beside earlier, with its gaps, its traces and what else it leads to."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from metrics.distribution import Distribution
from metrics.exemplars import EXEMPLARS
from metrics.explorer.choice import Choice
from metrics.explorer.measuring import series_of
from metrics.models import MetricExemplar, MetricSeries
from metrics.recording import record_points
from metrics.records import PointRecord
from projects.models import Project
from projects.pages.page import Problem
from storage import partitions
from tests.admin import member_client, superuser_client
from tests.metrics.explorer.pages import figure, get, lines, page, record, words

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def admin(db: None) -> Client:
    return superuser_client()


def record_latency(project: Project, values: list[float], **fields: Any) -> None:
    point = PointRecord(
        metric_name="latency", metric_type="histogram", metric_unit="ms", distribution=Distribution.of(values),
        timestamp=datetime.now(UTC) - timedelta(minutes=2), **fields,
    )  # fmt: skip
    assert record_points(project.pk, [point], datetime.now(UTC)) == []


def test_each_type_is_drawn_as_one_mostly_wants_to_see_it(admin: Client, project: Project) -> None:
    record(project, "cpu", [10, 30])
    record(project, "jobs_total", [0, 60, 180], metric_type="counter")
    record_latency(project, [*[10.0] * 90, *[900.0] * 10])
    assert lines(admin, project, "cpu") == {"avg cpu": [10, 30]}
    assert lines(admin, project, "jobs_total")["rate jobs_total"][-1] == pytest.approx(2, rel=0.01)
    assert lines(admin, project, "latency")["p95 latency"] == [pytest.approx(900, rel=0.01)]
    assert lines(admin, project, "latency", aggregation="count") == {"count latency": [100]}
    assert "Usual (p95)" in page(admin, project, metric_name="latency")


def test_the_unit_stands_at_the_axis_and_per_second_at_rates(admin: Client, project: Project) -> None:
    record(project, "sent", [0, 60], metric_type="counter", metric_unit="bytes")
    axis = figure(admin, project, "sent")["layout"]["yaxis"]
    assert axis["title"]["text"] == "bytes/s"
    assert axis["rangemode"] == "tozero"
    assert "rangemode" not in figure(admin, project, "sent", scale="fitted")["layout"]["yaxis"]
    assert figure(admin, project, "sent", scale="log")["layout"]["yaxis"]["type"] == "log"


def test_lines_are_told_apart_and_filtered_by_labels(admin: Client, project: Project) -> None:
    for host, region, value in (("a", "eu", 1), ("b", "eu", 3), ("c", "us", 8)):
        record(project, "cpu", [value], host_name=host, tags={"region": region})
    assert lines(admin, project, "cpu", group_by="region") == {"us": [8], "eu": [2]}
    assert lines(admin, project, "cpu", group_by="region,host_name", host_name="a") == {
        "host_name=a, region=eu": [1]
    }
    assert lines(admin, project, "cpu", **{"tags.region": "eu"}) == {"avg cpu": [2]}
    assert len(lines(admin, project, "cpu", group_by="*")) == 3
    assert set(lines(admin, project, "cpu", group_by="colour")) == {"no colour"}
    panel = words(page(admin, project, panel="chart", metric_name="cpu"))
    assert "region 2 A line for each eu 2 us 1" in panel
    assert "1 line of 3 series" in panel


def test_at_most_eight_lines_are_drawn_and_all_are_in_the_table(admin: Client, project: Project) -> None:
    for number in range(11):
        record(project, "cpu", [number], host_name=f"h{number:02}")
    drawn = lines(admin, project, "cpu", group_by="host_name")
    assert list(drawn) == [f"h{number:02}" for number in range(10, 2, -1)]
    panel = words(page(admin, project, panel="chart", metric_name="cpu", group_by="host_name"))
    assert "+ 3 others not drawn." in panel
    assert "11 lines of 11 series" in panel
    assert "h00 1 0 0 0 0" in panel


def test_each_line_has_its_last_least_greatest_and_mean_value(admin: Client, project: Project) -> None:
    record(project, "cpu", [10, 40, 25], metric_unit="percent")
    panel = words(page(admin, project, panel="chart", metric_name="cpu"))
    assert "avg cpu 1 25 percent 10 40 25" in panel


def test_several_metrics_share_a_chart(admin: Client, project: Project) -> None:
    record(project, "cpu", [10])
    record(project, "jobs_total", [0, 60], metric_type="counter")
    record(project, "odd,name", [7])
    assert set(lines(admin, project, "cpu,jobs_total")) == {"avg cpu", "rate jobs_total"}
    assert set(lines(admin, project, "odd,name")) == {"avg odd,name"}
    shown = page(admin, project, metric_name="cpu,jobs_total")
    assert "metric_name=jobs_total" in shown
    adding = page(admin, project, metric_name="cpu", add="1", panel="names")
    assert "metric_name=cpu%2Cjobs_total" in adding


def test_four_metrics_beside_the_week_before_ask_twelve_queries_at_most_also_for_a_member(
    project: Project,
) -> None:
    for name, metric_type in (("cpu", "gauge"), ("jobs_total", "counter"), ("took", "timer")):
        record(project, name, [1, 60], metric_type=metric_type)
    record_latency(project, [10.0, 900.0])
    client = member_client(project, "metrics.metricseries")
    query = {"panel": "chart", "metric_name": "cpu,jobs_total,took,latency", "compare": "week"}
    get(client, project, **query)
    with CaptureQueriesContext(connection) as asked:
        get(client, project, **query)
    assert len([one for one in asked if not re.search("SAVEPOINT|set_config", one["sql"])]) <= 12


def test_it_is_compared_with_the_week_before_in_dashes_of_the_same_colour(
    admin: Client, project: Project
) -> None:
    now = datetime.now(UTC)
    # Written a week ago: points are accepted as they come.
    for days, value in ((0, 5.0), (7, 9.0)):
        at = now - timedelta(days=days)
        point = PointRecord(metric_name="cpu", metric_value=value, timestamp=at - timedelta(minutes=5))
        assert record_points(project.pk, [point], at) == []
    today, week_before = figure(admin, project, "cpu", compare="week")["data"]
    assert (today["y"], week_before["y"]) == ([5], [9])
    assert week_before["name"] == "avg cpu, the week before"
    assert week_before["x"] == today["x"]
    assert (week_before["line"]["dash"], week_before["line"]["color"]) == ("dash", today["line"]["color"])
    assert len(figure(admin, project, "cpu", compare="before")["data"]) == 1


def test_no_line_is_drawn_over_missing_data(admin: Client, project: Project) -> None:
    now = datetime.now(UTC)
    for minutes in (40, 39, 38, 37, 12, 11, 10):
        point = PointRecord(
            metric_name="cpu", metric_value=minutes, timestamp=now - timedelta(minutes=minutes)
        )
        assert record_points(project.pk, [point], now) == []
    assert lines(admin, project, "cpu")["avg cpu"] == [40, 39, 38, 37, None, 12, 11, 10]


def test_measurements_lead_to_their_traces(admin: Client, project: Project) -> None:
    record_latency(project, [20.0, 900.0])
    series = MetricSeries.objects.get(project=project, name="latency")
    now = datetime.now(UTC)
    partitions.ensure(EXEMPLARS, [(now - timedelta(minutes=2)).date()])
    for trace_id, value in ((TRACE, 900.0), ("a/b", 20.0), ("", 1.0)):
        MetricExemplar.objects.create(
            project=project, series=series, timestamp=now - timedelta(minutes=2), value=value, trace_id=trace_id,
            span_id="", attributes={}, received_at=now,
        )  # fmt: skip
    dots = figure(admin, project, "latency")["data"][-1]
    assert (dots["mode"], sorted(dots["y"])) == ("markers", [20, 900])
    urls = dict(zip(dots["y"], dots["customdata"], strict=True))
    assert urls[900].startswith(f"/admin/explore/traces/{TRACE}/?project={project.pk}")
    assert urls[20].startswith("/admin/explore/traces/a/b/?")
    # A number of measurements is of another kind than a measurement.
    assert len(figure(admin, project, "latency", aggregation="count")["data"]) == 1


def test_a_chart_becomes_a_rule(admin: Client, project: Project) -> None:
    record(project, "cpu", [*[10] * 20, 41.237], host_name="web-1")
    panel = page(admin, project, panel="chart", metric_name="cpu", group_by="host_name", host_name="web-1")
    (link,) = [part for part in panel.split('"') if part.startswith("/admin/alerting/rule/add/")]
    given = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    assert given == {
        "project": str(project.pk), "rule_type": "metric_threshold", "source_type": "system_metric",
        "name": "Average of cpu", "metric": "cpu", "aggregation": "avg", "group_by": "host_name",
        "filters": "host_name=web-1", "threshold": "41.2",
    }  # fmt: skip
    form = admin.get(link).context["adminform"].form
    filled = {name: form[name].value() for name in ("watch", "metric", "group_by", "filters", "threshold")}
    assert filled == {
        "watch": "metric_threshold:system_metric", "metric": "cpu", "group_by": "host_name",
        "filters": "host_name=web-1", "threshold": "41.2",
    }  # fmt: skip


def test_a_chart_is_exported_as_it_is_shown(admin: Client, project: Project) -> None:
    record(project, "cpu", [10, 30], host_name="web-1")
    rows = json.loads(b"".join(get(admin, project, metric_name="cpu", group_by="host_name", export="json")))
    assert [(row["metric_name"], row["aggregation"], row["labels"], row["value"]) for row in rows] == [
        ("cpu", "avg", {"host_name": "web-1"}, value) for value in (10, 30)
    ]
    refused = get(admin, project, metric_name="cpu", aggregation="median", export="csv")
    assert refused.status_code == 400


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"aggregation": "median"}, "There is no aggregation 'median'"),
        ({"compare": "yesterday"}, "There is no comparison 'yesterday'"),
        ({"scale": "square"}, "There is no axis 'square'"),
        ({"metric_name": "a,b,c,d,e"}, "At most 4 metrics fit into one chart"),
        ({"group_by": ",".join(map(str, range(21)))}, "at most 20 labels"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_words(
    admin: Client, project: Project, query: dict[str, str], said: str
) -> None:
    for part in ({}, {"panel": "chart"}):
        assert said in page(admin, project, **{"metric_name": "cpu", **query, **part})


def test_a_chart_asks_for_the_limits_of_what_it_shows(admin: Client, project: Project) -> None:
    record(project, "cpu", [1])
    for aggregation, asked in (("", "avg"), ("max", "max")):
        panel = page(admin, project, panel="chart", metric_name="cpu", aggregation=aggregation)
        (url,) = [part for part in panel.split('"') if part.startswith("/admin/explore/overlays/")]
        given = parse_qs(urlsplit(url).query)
        assert (given["metric_name"], given["aggregation"]) == (["cpu"], [asked])


def test_a_filter_that_cannot_be_understood_is_not_taken_for_none(project: Project) -> None:
    choice = Choice(names=("cpu",), filters={"service_name": "a\0"})
    with pytest.raises(Problem, match="service_name is not what it should be"):
        series_of(project.pk, choice, "cpu")


def test_a_metric_that_is_not_there_is_said_to_be_missing(admin: Client, project: Project) -> None:
    assert f"No metric of this name has arrived in {project.name}" in page(admin, project, metric_name="cpu")
    record(project, "cpu", [1])
    past = {"start": "2020-01-01T00:00", "end": "2020-01-02T00:00"}
    assert "No values in this stretch of time" in page(
        admin, project, panel="chart", metric_name="cpu", **past
    )


@pytest.mark.parametrize("range_name", ["15m", "24h", "30d", "90d"])
@pytest.mark.parametrize("value", [1e308, -1e308, 5e-324, 0.0])
def test_odd_values_and_long_ranges_break_nothing(
    admin: Client, project: Project, range_name: str, value: float
) -> None:
    record(project, "odd", [value, 1.0])
    shown = page(admin, project, panel="chart", metric_name="odd", range=range_name, compare="before")
    assert "avg odd" in shown


def test_a_chart_asks_few_questions_however_many_series_there_are(admin: Client, project: Project) -> None:
    # The first one remembers the project in the session.
    page(admin, project)
    counts = []
    for number in range(2):
        for host in range(1 + 20 * number):
            record(project, "cpu", [1], host_name=f"h{host}")
        with CaptureQueriesContext(connection) as asked:
            page(admin, project, panel="chart", metric_name="cpu", group_by="host_name", compare="week")
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 11

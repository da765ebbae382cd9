"""The chart of an alert's page: what its rule measured around that moment, with limit, states and deploys."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client

from alerting.backtest import counts as backtest_counts
from alerting.backtest import run
from alerting.models import Alert, Rule
from alerting.rule_types.conditions import MAX_FILTERS
from projects.models import Project
from tests.alerting.alert_page.pages import MINUTE, NOW, panel
from tests.alerting.delivery_rows import make_alert
from tests.alerting.scenes import ERROR_RULE, edit, make_rule, send_events, send_points, tick
from tests.clients import ProjectClient, counts

pytestmark = pytest.mark.django_db


def figure(client: Client) -> dict[str, Any]:
    found = re.search(r'(?s)<script id="alert-chart-figure"[^>]*>(.*?)</script>', panel(client, "chart"))
    assert found, panel(client, "chart")
    drawn: dict[str, Any] = json.loads(found[1])
    return drawn


def drawn(client: Client) -> dict[str, float | None]:
    """The line's values by the clock."""
    (line,) = figure(client)["data"]
    return {at[11:19]: value for at, value in zip(line["x"], line["y"], strict=True)}


def test_the_chart_shows_the_rules_value_its_limit_and_when_it_fired(
    admin: Client, api: ProjectClient
) -> None:
    make_rule(api, for_seconds=60, time_window_minutes=1)
    for minute in range(5):
        send_points(api, [90 + minute], NOW + minute * MINUTE, host_name="web-1")
        send_points(api, [10], NOW + minute * MINUTE, host_name="web-2")
        tick(NOW + minute * MINUTE)
    values = drawn(admin)
    # Every 30 s or as often as the rule is evaluated: windows of a minute that end in between hold one point.
    assert {value for value in values.values() if value is not None} <= {90.0, 91.0, 92.0, 93.0, 94.0}
    assert max(value or 0 for value in values.values()) == 94
    shapes = figure(admin)["layout"]["shapes"]
    assert [one["y0"] for one in shapes if one["type"] == "line"] == [80]
    bands = [(one["x0"], one["fillcolor"]) for one in shapes if one["type"] == "rect"]
    fired = NOW + MINUTE
    assert bands == [
        (f"{NOW:%Y-%m-%d %H:%M:%S}.000", "var(--state-quiet)"),
        (f"{fired:%Y-%m-%d %H:%M:%S}.000", "var(--state-warning)"),
    ]


@pytest.mark.parametrize(
    ("condition", "unit"),
    [
        ({"aggregation": "avg"}, "percent"),
        ({"aggregation": "count", "threshold": 0}, ""),
        ({"rule_type": "change", "aggregation": "avg", "threshold": 50}, "%"),
    ],
)
def test_the_chart_says_in_what_unit_the_rule_measures(
    admin: Client, api: ProjectClient, condition: dict[str, Any], unit: str
) -> None:
    make_rule(api, **{"for_seconds": 0, "time_window_minutes": 1, "group_by": None, **condition})
    for minute, value in ((-1, 20), (0, 90)):
        send_points(api, [value], NOW + minute * MINUTE, host_name="web-1", metric_unit="percent")
    tick(NOW)
    assert figure(admin)["layout"]["yaxis"]["title"]["text"] == unit


def test_the_chart_of_a_count_is_zero_where_nothing_came(admin: Client, api: ProjectClient) -> None:
    make_rule(api, ERROR_RULE)
    send_events(api, 4, NOW)
    tick(NOW)
    values = set(drawn(admin).values())
    assert values == {0.0, 4.0}


def test_the_chart_of_a_longer_label_than_a_condition_may_ask_for_reads_that_label_alone(
    admin: Client, api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_rule(api, ERROR_RULE, group_by=["properties.url"])
    page = f"https://example.org/?q={'x' * 1100}"
    send_events(api, 4, NOW, properties={"url": page})
    send_events(api, 2, NOW, properties={"url": f"{page}y"})
    tick(NOW)
    # Room for the events of one page only.
    monkeypatch.setattr(backtest_counts, "MAX_ROWS", 1)
    assert set(drawn(admin).values()) == {0.0, 4.0}


def test_the_chart_of_a_rule_with_as_many_filters_as_there_may_be_is_narrowed_as_well(
    admin: Client, api: ProjectClient
) -> None:
    asked = {f"tags.t{number}": "yes" for number in range(MAX_FILTERS)}
    make_rule(api, ERROR_RULE, filters=asked, group_by=["tenant_id"])
    send_events(api, 4, NOW, tags={name.removeprefix("tags."): "yes" for name in asked}, tenant_id="t1")
    send_events(api, 3, NOW, tenant_id="t1")
    tick(NOW)
    assert set(drawn(admin).values()) == {0.0, 4.0}


def test_the_chart_is_drawn_by_the_condition_of_that_time(admin: Client, api: ProjectClient) -> None:
    rule = make_rule(api)
    send_points(api, [90], NOW, host_name="web-1")
    tick(NOW)
    edit(api, rule, condition_config={"metric": "memory", "operator": ">", "threshold": 1})
    page = panel(admin, "chart")
    assert "Avg cpu_usage of each host_name over 5 min &gt; 80" in page


def test_deploys_of_the_time_are_marked(admin: Client, api: ProjectClient) -> None:
    make_rule(api)
    send_points(api, [90], NOW, host_name="web-1")
    event = {
        "event_name": "deploy",
        "timestamp": (NOW - 10 * MINUTE).isoformat(),
        "tags": {"version": "1.42"},
    }
    assert counts(api.post("/api/v1/events", {"events": [event]})) == (1, 0, 0)
    tick(NOW)
    assert [one["text"] for one in figure(admin)["layout"]["annotations"]][1:] == ["deploy 1.42"]


def test_what_can_not_be_drawn_says_why(admin: Client, project: Project) -> None:
    old = make_alert(project)
    assert "Events are kept for 90 days" in panel(admin, "chart")
    Rule.objects.filter(pk=old.rule_id).update(rule_type="gone")
    for name in ("chart", "impact", "examples"):
        assert "condition of that time can&#x27;t be read any more" in panel(admin, name)
    Alert.objects.update(labels={"rule_health": "unhealthy"})
    assert "The rule itself could not be evaluated" in panel(admin, "chart")


def test_a_chart_that_takes_too_long_is_given_up(
    admin: Client, api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_rule(api)
    send_points(api, [90], NOW, host_name="web-1")
    tick(NOW)
    monkeypatch.setattr(run, "CHART_SECONDS", 0.001)
    assert "takes too long for a page" in panel(admin, "chart")

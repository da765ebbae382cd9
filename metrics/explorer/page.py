"""The explorer of metrics: names to choose from, and the chart of those that were chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from metrics.explorer import catalogue, drawing, links
from metrics.explorer.choice import AGGREGATION_WORDS, COMPARISONS, SCALES, Choice, choice_of
from metrics.explorer.labels import labels_of
from metrics.explorer.measuring import Found, Measured, earlier, exemplars, measured, series_of
from metrics.models import MetricSeries, MetricType
from metrics.pages import unit_text
from metrics.queries import describe
from projects import figures
from projects.admin_base import example_command
from projects.pages.charts import TimeChart
from projects.pages.exporting import Table
from projects.pages.overlays import DEPLOYS, overlay_url
from projects.pages.page import Page, Problem
from projects.pages.scope import Scope
from storage.rollups.windows import Window

MAX_BUCKETS = 300
MAX_EXPORTED_NAMES = 1000

EMPTY_COMMAND = example_command(
    "metrics", '{"metrics": [{"metric_name": "queue_depth", "metric_value": 3, "host_name": "web-1"}]}'
)


class MetricsPage(Page):
    """Without `metric_name` it lists names; with it, it draws them. `add` lists names to draw beside those."""

    title = "Metrics"
    template = "metrics/explorer.html"
    permission = "metrics.view_metricseries"
    panels = {"names": "metrics/explorer_names.html", "chart": "metrics/explorer_chart.html"}

    def context(self, scope: Scope) -> dict[str, Any]:
        assert scope.project
        shown: dict[str, Any] = {"tabs": links.tabs(scope.project.pk), "search": scope.filters.get("q", "")}
        shown["kept"] = {
            name: scope.filters[name] for name in ("add", "metric_name") if name in scope.filters
        }
        if not is_chart(scope):
            return {**shown, "is_listing": True}
        choice = choice_of(scope.filters)
        heads = _heads(scope.project.pk, scope.filters["metric_name"], choice)
        return shown | {
            "choice": choice,
            "heads": [_head(scope, head, heads) for head in heads],
            "aggregations": AGGREGATION_WORDS,
            "comparisons": COMPARISONS,
            "scales": SCALES,
            "controls": {"aggregation", "compare", "scale"},
            "usual": ", ".join({choice.aggregation_of(head.metric_type) for head in heads}),
            "filters": [(name, value, scope.here(**{name: ""})) for name, value in choice.filters.items()],
        }

    def panel_names(self, scope: Scope) -> dict[str, Any]:
        assert scope.project
        search = search_of(scope)
        listing = catalogue.listed(scope.project.pk, search, scope.now)
        is_empty = not listing.metrics and not catalogue.has_metrics(scope.project.pk)
        return {
            "rows": [_listed(scope, metric) for metric in listing.metrics],
            "search": search,
            "next_url": scope.here(after=listing.after) if listing.after else "",
            "first_url": scope.here(after="") if search.after else "",
            "is_empty": is_empty,
            "command": EMPTY_COMMAND,
            "sampled": catalogue.SAMPLED_SERIES,
        }

    def panel_chart(self, scope: Scope) -> dict[str, Any]:
        view = look(scope)
        shown = drawing.drawn(view.lines)
        namer = drawing.namer_of(view.choice, view.lines)
        rows = drawing.rows_of(view.lines, namer)
        return {
            "chart": _chart(scope, view),
            "rows": [(row, links.only_url(scope, row.line) if row.line.labels else "") for row in rows],
            "labels": [
                (
                    label,
                    label.name in view.choice.group_by,
                    links.grouped_url(scope, view.choice, label.name),
                    [
                        (
                            value,
                            links.filtered_url(scope, label.parameter, "" if value.is_chosen else value.text),
                        )
                        for value in label.values
                    ],
                )
                for label in labels_of(view.series, view.choice.filters)
                if "," not in label.name
            ],
            "is_grouped_by_all": "*" in view.choice.group_by,
            "series_count": len(view.series),
            "rule_links": list(_rule_links(scope, view)) if shown else [],
        }

    def table(self, scope: Scope) -> Table:
        assert scope.project
        if is_chart(scope):
            return _points_table(look(scope))
        return _names_table(
            catalogue.listed(scope.project.pk, search_of(scope), scope.now, MAX_EXPORTED_NAMES)
        )


@dataclass(frozen=True, slots=True)
class View:
    """What the chart's panel and its export both show."""

    choice: Choice
    series: Sequence[MetricSeries]
    window: Window
    found: Found
    lines: Sequence[Measured]


def is_chart(scope: Scope) -> bool:
    return "metric_name" in scope.filters and "add" not in scope.filters


def search_of(scope: Scope) -> catalogue.Search:
    given = scope.filters
    return catalogue.Search(
        text=given.get("q", ""), service=given.get("service_name", ""), after=given.get("after", "")
    )


def look(scope: Scope) -> View:
    """Raises Problem where too much is asked for."""
    assert scope.project
    if "metric_name" not in scope.filters:
        raise Problem("Choose a metric first.")
    choice = choice_of(scope.filters)
    series = series_of(scope.project.pk, choice, scope.filters["metric_name"])
    window = scope.range.window(MAX_BUCKETS)
    found = measured(scope.project.pk, series, choice, window, scope.now)
    return View(choice, series, window, found, drawing.ranked(found.lines))


def _chart(scope: Scope, view: View) -> TimeChart:
    assert scope.project
    shown = drawing.drawn(view.lines)
    shift = view.choice.shift(view.window.end - view.window.start)
    before = earlier(scope.project.pk, shown, view.window, shift, scope.now) if shift else {}
    found = exemplars(scope.project.pk, shown, scope.range)
    lines = drawing.chart_lines(
        shown, before, COMPARISONS.get(view.choice.compare, ""), drawing.namer_of(view.choice, view.lines)
    )
    if dots := drawing.exemplar_line(found, lambda trace_id: links.trace_url(scope, trace_id)):
        lines.append(dots)
    interval = figures.duration(view.window.interval.total_seconds() * 1000)
    return TimeChart(
        id="metric-chart",
        title=", ".join(dict.fromkeys(f"{line.aggregation} {line.metric}" for line in shown)),
        lines=lines,
        start=scope.range.start,
        end=scope.range.end,
        unit=drawing.unit_of(shown),
        zone=scope.zone,
        zero_based=view.choice.scale != "fitted",
        logarithmic=view.choice.scale == "log",
        left_out=len(view.lines) - len(shown),
        height=340,
        notes=drawing.notes_of(view.found, interval, len(found)),
        overlays=[
            *(
                links.overlays_url(scope, view.choice, line, view.window.interval)
                for line in {line.metric: line for line in shown}.values()
            ),
            overlay_url(scope, DEPLOYS),
        ],
    )


def _rule_links(scope: Scope, view: View) -> Iterator[tuple[str, str]]:
    """The name of each metric that is drawn, and the form of a rule about it."""
    assert scope.project
    if not scope.request.user.has_perm("alerting.add_rule"):
        return
    for name in _metrics_of(view.lines):
        own = [line for line in view.lines if line.metric == name]
        yield name, links.rule_url(scope.project.pk, view.choice, own)


def _metrics_of(lines: Sequence[Measured]) -> list[str]:
    return list(dict.fromkeys(line.metric for line in lines))


def _heads(project_id: int, text: str, choice: Choice) -> list[MetricSeries]:
    """One series of each metric that exists, for its type and unit: a step down an index each."""
    columns = MetricSeries.objects.filter(project_id=project_id).only("id", "name", "metric_type", "unit")
    candidates = dict.fromkeys((text, *choice.names))
    found = {name: series for name in candidates if (series := columns.filter(name=name).first())}
    heads = [found[text]] if text in found else list(found.values())
    describe(project_id, heads)
    return heads


def _head(scope: Scope, head: MetricSeries, heads: Sequence[MetricSeries]) -> dict[str, Any]:
    others = ",".join(one.name for one in heads if one is not head)
    return {
        "name": head.name,
        "type": dict(MetricType.choices).get(head.metric_type, head.metric_type).lower(),
        "unit": unit_text(head.unit),
        "description": head.description,
        "series_url": links.series_url(head.project_id, head.name),
        "remove_url": scope.here(metric_name=others) if others else "",
    }


def _listed(scope: Scope, metric: catalogue.Metric) -> dict[str, Any]:
    assert scope.project
    return {
        "metric": metric,
        "url": links.with_metric_url(scope, metric.name),
        "types": ", ".join(metric.types),
        "units": ", ".join(filter(None, map(unit_text, metric.units))),
        "services": [(name, scope.here(service_name=name, after="")) for name in metric.services[:3]],
        "other_services": max(len(metric.services) - 3, 0),
        "series_url": links.series_url(scope.project.pk, metric.name),
    }


def _names_table(listing: catalogue.Listing) -> Table:
    columns = ("metric_name", "metric_type", "metric_unit", "services", "series", "last_seen", "description")
    rows = (
        (one.name, ", ".join(one.types), ", ".join(one.units), list(one.services), one.series_count, one.last_seen,
         one.description)
        for one in listing.metrics
    )  # fmt: skip
    return Table("metrics", columns, rows)


def _points_table(view: View) -> Table:
    rows = (
        (at, line.metric, line.aggregation, line.labels, value)
        for line in view.lines
        for at, value in line.points
    )
    return Table("metric-chart", ("time", "metric_name", "aggregation", "labels", "value"), rows)

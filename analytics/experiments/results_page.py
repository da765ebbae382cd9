"""The page of one experiment: what it says of each metric, and whether one may believe it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404
from django.urls import reverse

from analytics.examples import command_of
from analytics.experiments.answers import answer
from analytics.experiments.comparing import Difference, Interval, Sample, Share
from analytics.experiments.definitions import Definition, ExperimentError, definition_of
from analytics.experiments.drawing import Bar, bars_of, people_chart
from analytics.experiments.links import form_url
from analytics.experiments.list_page import state_of
from analytics.experiments.points import metrics_url, rule_url
from analytics.experiments.reading import Question
from analytics.experiments.results import MetricFigures, Results, VariantFigures, evaluate
from analytics.experiments.words import STATISTICS, amount, conclusion, p_words, probability, signed
from analytics.matchers import in_words
from analytics.models.experiments import Experiment, MetricKind
from projects.pages.api_calls import get_call
from projects.pages.exporting import Table
from projects.pages.page import PATIENCE_SECONDS, Page, Problem
from projects.pages.scope import Scope
from projects.time_limits import TooCostly, answered_within

STATISTIC_NAMES = {
    "value_interval": "95 % interval of a value",
    "difference_interval": "95 % interval of a difference",
    "p_value": "p-value",
    "best_ratio": "Likely best",
    "sample_ratio": "Shared out as planned",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One variant in one metric, as people read it."""

    variant: str
    is_control: bool
    people: int
    converted: int | None
    value: str
    value_range: str
    difference: str
    difference_range: str
    bar: Bar | None
    p_value: str
    best: str


class ExperimentPage(Page):
    title = "Experiment"
    template = "analytics/experiments/results_page.html"
    permission = "analytics.view_experiment"
    has_range = False
    panels = {"results": "analytics/experiments/results.html"}

    def context(self, scope: Scope) -> dict[str, Any]:
        experiment = self._experiment(scope)
        if experiment is None:
            return {"missing": self.kwargs["slug"], "list_url": reverse("explore_experiments")}
        may_change = scope.request.user.has_perm("analytics.change_experiment")
        return {
            "title": experiment.name,
            "list_url": reverse("explore_experiments"),
            "experiment": experiment,
            "state": state_of(experiment, scope),
            "edit_url": form_url(experiment.pk) if may_change else "",
        }

    def panel_results(self, scope: Scope) -> dict[str, Any]:
        results = self._results(scope)
        definition = results.definition
        return {
            "results": results,
            "exposure": in_words(definition.exposure),
            "metrics": [
                (one, _terms(one), _conclusions(one), _rows(one), _ways_on(scope, results, one))
                for one in results.metrics
            ],
            "shared_out": [
                (variant, people, results.sample_ratio.expected[variant])
                for variant, people in results.sample_ratio.people.items()
            ],
            "sample_p": p_words(results.sample_ratio.p_value),
            "chart": people_chart(results),
            "statistics": [(name, STATISTICS[key]) for key, name in STATISTIC_NAMES.items()],
            "call": get_call(f"analytics/experiments/{definition.slug}/", {}),
            "command": command_of(
                definition.exposure, "experiment_viewed", {definition.variant_column: definition.control}
            ),
        }

    def table(self, scope: Scope) -> Table:
        found = answer(self._results(scope))
        rows = [
            {"metric": metric["key"], **variant}
            for metric in found["metrics"]
            for variant in metric["variants"]
        ]
        columns = list(rows[0]) if rows else ["metric", "variant"]
        return Table(
            f"experiment-{found['slug']}", columns, [[row[name] for name in columns] for row in rows]
        )

    def _experiment(self, scope: Scope) -> Experiment | None:
        slug = str(self.kwargs["slug"])
        return Experiment.objects.filter(project=scope.project, slug=slug).first()

    def _results(self, scope: Scope) -> Results:
        """Raises Problem, and Http404."""
        experiment = self._experiment(scope)
        if experiment is None:
            raise Http404
        try:
            definition = definition_of(experiment, experiment.metrics.all())
        except ExperimentError as error:
            raise Problem(f"This experiment can't be evaluated as it is set up: {error}") from None
        try:
            # Within the page's time, for other words: no shorter range of the page would say the same.
            with answered_within(PATIENCE_SECONDS):
                return evaluate(definition, _question(definition, scope))
        except TooCostly:
            raise Problem(
                f"Reading its events took more than {PATIENCE_SECONDS} s and was stopped. Let it start later or end "
                "earlier, or ask the API, which takes longer, for a part with start and end."
            ) from None


def _question(definition: Definition, scope: Scope) -> Question:
    return Question(definition.starts_at, definition.end(scope.now), scope.now)


def _terms(figures: MetricFigures) -> str:
    """What is counted, in words."""
    metric = figures.metric
    events = in_words(metric.matcher)
    match metric.kind:
        case MetricKind.CONVERSION:
            counted = f"Share of people with {events}"
        case MetricKind.TOTAL if metric.column is None:
            counted = f"Events per person: {events}"
        case MetricKind.TOTAL:
            counted = f"{metric.column} of {events}, added up per person, 0 for who has none"
        case _:
            counted = f"{metric.column} of {events}, average per person, of those who have one"
    better = "lower is better" if metric.is_lower_better else "higher is better"
    if metric.window is None:
        return f"{counted}; {better}."
    minutes = metric.window.total_seconds() / 60
    waiting = f" {figures.open_people:,} are still within it." if figures.open_people else ""
    return f"{counted}, within {minutes:g} min of the exposure; {better}.{waiting}"


def _ways_on(scope: Scope, results: Results, figures: MetricFigures) -> list[tuple[str, str]]:
    """(words, URL) of what a metric leads to; an experiment that isn't running gets no points to watch."""
    definition, metric = results.definition, figures.metric
    ways = [("As a metric", metrics_url(scope, definition, metric))]
    if scope.request.user.has_perm("alerting.add_rule") and definition.is_running(scope.now):
        control = next((row.sample.value for row in figures.variants if row.is_control), None)
        ways.insert(0, ("Make a rule", rule_url(definition, metric, control)))
    return ways


def _conclusions(figures: MetricFigures) -> list[str]:
    """A sentence for each variant but the control, the most promising first."""
    rows = sorted(figures.variants, key=lambda row: -(row.best_ratio or 0))
    return [conclusion(figures, row) for row in rows if not row.is_control]


def _rows(figures: MetricFigures) -> list[Row]:
    bars, is_share = bars_of(figures), figures.metric.kind == MetricKind.CONVERSION
    return [_row(row, bars.get(row.variant), is_share) for row in figures.variants]


def _row(row: VariantFigures, bar: Bar | None, is_share: bool) -> Row:
    return Row(
        variant=row.variant,
        is_control=row.is_control,
        people=row.sample.people,
        converted=row.sample.converted if isinstance(row.sample, Share) else None,
        value=_value(row.sample, is_share),
        value_range=_range(row.interval, is_share),
        difference=signed(row.difference.value, is_share=is_share) if row.difference else "",
        difference_range=_difference_range(row.difference, is_share),
        bar=bar,
        p_value=p_words(row.difference.p_value) if row.difference else "",
        best=probability(row.best_ratio),
    )


def _value(sample: Sample, is_share: bool) -> str:
    return "-" if sample.value is None else amount(sample.value, is_share=is_share)


def _range(interval: Interval | None, is_share: bool) -> str:
    if interval is None:
        return ""
    return f"{amount(interval.low, is_share=is_share)} to {amount(interval.high, is_share=is_share)}"


def _difference_range(difference: Difference | None, is_share: bool) -> str:
    if difference is None or difference.interval is None:
        return ""
    low, high = (
        signed(edge, is_share=is_share).removesuffix(" points")
        for edge in (difference.interval.low, difference.interval.high)
    )
    return f"{low} to {high}"

"""The page "Experiments": those that are set up, and those that are only in the data yet."""

from __future__ import annotations

from typing import Any

from analytics.experiments.links import new_url, results_url
from analytics.experiments.seen import seen
from analytics.matchers import MatcherError, as_json, parse
from analytics.models.experiments import Experiment
from projects.admin_base import example_command
from projects.pages.exporting import Table
from projects.pages.page import Page
from projects.pages.scope import Scope

MAX_EXPERIMENTS = 500

EMPTY_COMMAND = example_command(
    "events",
    '{"event_name": "experiment_viewed", "user_id": "ana", '
    '"properties": {"experiment": "checkout", "variant": "control"}}',
)


class ExperimentsPage(Page):
    title = "Experiments"
    template = "analytics/experiments/list.html"
    permission = "analytics.view_experiment"
    has_range = False
    panels = {"seen": "analytics/experiments/seen.html"}

    def context(self, scope: Scope) -> dict[str, Any]:
        assert scope.project
        return {
            "experiments": [
                (one, state_of(one, scope), results_url(scope.project.pk, one.slug))
                for one in _experiments(scope)
            ],
            "new_url": new_url(scope.project.pk) if _may_add(scope) else "",
            "command": EMPTY_COMMAND,
        }

    def panel_seen(self, scope: Scope) -> dict[str, Any]:
        """What is in the data and not set up."""
        assert scope.project
        known = [_normal(one.exposure) for one in _experiments(scope)]
        found = [one for one in seen(scope.project.pk, scope.now) if _normal(one.exposure) not in known]
        return {"seen": [(one, new_url(scope.project.pk, one) if _may_add(scope) else "") for one in found]}

    def table(self, scope: Scope) -> Table:
        columns = ("slug", "name", "state", "starts_at", "ends_at", "planned_people", "metrics")
        rows = (
            (
                *(one.slug, one.name, state_of(one, scope), one.starts_at, one.ends_at, one.planned_people),
                [metric.key for metric in one.metrics.all()],
            )
            for one in _experiments(scope)
        )
        return Table("experiments", columns, rows)


def state_of(experiment: Experiment, scope: Scope) -> str:
    if experiment.starts_at > scope.now:
        return "not started"
    return "ended" if experiment.ends_at and experiment.ends_at <= scope.now else "running"


def _normal(exposure: object) -> dict[str, Any] | None:
    """The same matcher in the same form; None for one that can't be read."""
    try:
        return as_json(parse(exposure))
    except MatcherError:
        return None


def _experiments(scope: Scope) -> list[Experiment]:
    found = Experiment.objects.filter(project=scope.project).prefetch_related("metrics")
    return list(found[:MAX_EXPERIMENTS])


def _may_add(scope: Scope) -> bool:
    return scope.request.user.has_perm("analytics.add_experiment")

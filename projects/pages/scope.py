"""What every page is about: whose telemetry, of when, read by whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils import timezone

from projects.models import Project
from projects.pages.time_range import DEFAULT, InvalidTimeRange, TimeRange, parse
from projects.pages.zones import zone_of
from projects.visibility import visible_projects

REMEMBERED = "project"
"""The session's key for the project that was chosen last."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One request: the project and the time range chosen, in the reader's zone."""

    request: HttpRequest
    now: datetime
    projects: Sequence[Project]
    project: Project | None
    range: TimeRange
    zone: tzinfo = UTC
    problem: str = ""
    """Why the URL's time range was not taken."""
    filters: dict[str, str] = field(default_factory=dict)
    """All other parameters of the URL, the last of each name."""

    @property
    def parameters(self) -> dict[str, str]:
        """What the URL of another page about the same needs."""
        chosen = {"project": str(self.project.pk)} if self.project else {}
        return chosen | self.range.parameters

    def url(self, base: str, **others: str | int | float | None) -> str:
        """A page about the same project and time, with other parameters; empty ones are left out."""
        given = {name: str(value) for name, value in others.items() if value not in (None, "")}
        return f"{base}?{urlencode(self.parameters | given)}"

    def here(self, **changed: str | int | float | None) -> str:
        """This page with some parameters changed; None or "" takes one away."""
        kept = {**self.parameters, **self.filters}
        kept |= {name: "" if value is None else str(value) for name, value in changed.items()}
        return "?" + urlencode({name: value for name, value in kept.items() if value != ""})


_OWN_PARAMETERS = {"project", "range", "start", "end", "zone", "panel", "export"}


def scope_of(request: HttpRequest, default_range: str = DEFAULT, now: datetime | None = None) -> Scope:
    """`?project=` (id or slug) is remembered for the next page; a range that can't be read becomes the default."""
    now = now or timezone.now()
    zone = zone_of(request)
    given = {name: str(value) for name, value in request.GET.items()}
    parameters = {name: value for name, value in given.items() if "\0" not in name + value}
    problem = ""
    try:
        time_range = parse(parameters, now, zone, default_range)
    except InvalidTimeRange as error:
        time_range, problem = TimeRange.of_preset(default_range, now), str(error)
    projects = list(visible_projects(request.user))
    return Scope(
        request=request,
        now=now,
        projects=projects,
        project=_chosen(request, projects),
        range=time_range,
        zone=zone,
        problem=problem,
        filters={name: value for name, value in parameters.items() if name not in _OWN_PARAMETERS and value},
    )


def _chosen(request: HttpRequest, projects: Sequence[Project]) -> Project | None:
    """The one that the URL names, else the one chosen last, else the first; None where the URL's isn't theirs."""
    named = request.GET.get("project", "")
    if named:
        found = next((one for one in projects if named in {str(one.pk), one.slug}), None)
        if found and request.session.get(REMEMBERED) != found.pk:
            request.session[REMEMBERED] = found.pk
        return found
    remembered = request.session.get(REMEMBERED)
    first = projects[0] if projects else None
    return next((one for one in projects if one.pk == remembered), first)

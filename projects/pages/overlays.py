"""What other apps draw into a chart: JSON that the page's script asks for, found by the name of its URL."""

from __future__ import annotations

from urllib.parse import urlencode

from django.urls import reverse

from projects.pages.scope import Scope

DEPLOYS, ALERTS = "deploy_overlays", "alert_overlays"


def overlay_url(scope: Scope, name: str, **about: str) -> str:
    """One of the above for the chosen project and the very moments that the chart shows: "the last hour" moves on."""
    project = {"project": str(scope.project.pk)} if scope.project else {}
    times = {"start": scope.range.start.isoformat(), "end": scope.range.end.isoformat()}
    return f"{reverse(name)}?{urlencode({**about, **project, **times})}"

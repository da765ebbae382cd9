"""Where the pages of experiments lead."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.text import slugify

from analytics.experiments.seen import Seen


def results_url(project_id: int, slug: str) -> str:
    return f"{reverse('explore_experiment', args=[slug])}?{urlencode({'project': project_id})}"


def form_url(experiment_id: int) -> str:
    return reverse("admin:analytics_experiment_change", args=[experiment_id])


def new_url(project_id: int, seen: Seen | None = None) -> str:
    """The form of a new experiment, filled in with what was seen of one."""
    given: dict[str, object] = {"project": project_id}
    if seen:
        given |= {
            "name": seen.name[:100],
            "slug": slugify(seen.name)[:60],
            "exposure": json.dumps(seen.exposure),
            "variant_column": seen.convention.variant_column,
            "control": seen.control,
            "starts_at": seen.first_at.isoformat(),
        }
    return f"{reverse('admin:analytics_experiment_add')}?{urlencode(given)}"

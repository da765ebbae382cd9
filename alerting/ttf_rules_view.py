"""The button "Add the usual alerts" on the page of the journey."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from alerting.rules import RuleError
from alerting.ttf_rules import TTF_RULES, add_ttf_rules
from projects.admin_base import visible_projects

JOURNEY = "ttf"


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Make the rules that the project (`project`, its id) doesn't have, say so, and go back to the journey."""
    if not request.user.has_perm("alerting.add_rule"):
        raise PermissionDenied
    given = request.POST.get("project", "")
    projects = visible_projects(request.user)
    project = get_object_or_404(projects, pk=int(given) if given.isdecimal() and len(given) < 19 else None)
    try:
        made = add_ttf_rules(project, request.user.get_username(), timezone.now())
    except RuleError as error:
        messages.error(request, f"No rule was added: {error}")
    else:
        messages.success(request, _said(len(made)))
    return redirect(f"{reverse('explore_journey', args=[JOURNEY])}?project={project.pk}")


def _said(made_count: int) -> str:
    if not made_count:
        return f"The {len(TTF_RULES)} usual rules are there already."
    rules = "rules were" if made_count > 1 else "rule was"
    return f"{made_count} {rules} added. Choose under Rules who is told."

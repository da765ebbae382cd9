"""The button "Add the usual alerts" on the page of the journey."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from alerting.models import Rule
from alerting.rules import RuleError
from alerting.ttf_rules import TTF_RULES, add_ttf_rules, ttf_rules_of
from projects.visibility import visible_projects

JOURNEY = "ttf"
SHOWN = ("range", "start", "end", "segment", "waits_for")
"""What the page shows besides the project, to be shown again."""


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Make the rules that the project (`project`, its id) doesn't have, name them, and go back to what was shown."""
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
        messages.success(request, _added(made) if made else _there(ttf_rules_of(project)))
    shown = {name: request.POST[name] for name in SHOWN if name in request.POST}
    return redirect(
        f"{reverse('explore_journey', args=[JOURNEY])}?{urlencode({'project': project.pk, **shown})}"
    )


def _added(rules: Iterable[Rule]) -> SafeString:
    return format_html("Added: {}. Choose on each who is told.", _links(rules))


def _there(rules: Iterable[Rule]) -> SafeString:
    return format_html("The {} usual rules are there already: {}.", len(TTF_RULES), _links(rules))


def _links(rules: Iterable[Rule]) -> SafeString:
    return format_html_join(
        ", ",
        '<a class="underline" href="{}">{}</a>',
        ((reverse("admin:alerting_rule_change", args=[rule.pk]), rule.name) for rule in rules),
    )

"""Saved funnels as a list; their questions are edited in the builder."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import TextField
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextareaWidget

from analytics.funnels.asked import SAVED
from analytics.funnels.parsing import parse_funnel
from analytics.funnels.saving import ANY_RANGE
from analytics.matchers import MatcherError, in_words
from analytics.models.funnels import SavedFunnel
from projects.admin_base import ProjectModelAdmin


@admin.register(SavedFunnel)
class SavedFunnelAdmin(ProjectModelAdmin):
    """Name, description and recording; new ones come from the builder."""

    list_display = ("name", "project", "steps", "is_recorded", "created_by", "opened")
    list_filter = ("project",)
    list_select_related = ("project", "created_by")
    fields = (
        "project",
        "name",
        "slug",
        "steps",
        "opened",
        "description",
        "is_recorded",
        "recorded_days",
        "problem",
    )
    readonly_fields = ("project", "slug", "steps", "opened", "problem")
    formfield_overrides = {TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 2})}}
    empty_words = "Funnels that somebody saved. Build one under Funnels, and save it there."

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="Steps")
    def steps(self, funnel: SavedFunnel) -> str:
        """Its steps in words."""
        try:
            found = parse_funnel({**funnel.question, **ANY_RANGE})
        except MatcherError as error:
            return f"It can't be read: {error}"
        return ", then ".join(in_words(step.matcher) for step in found.steps)

    @admin.display(description="Builder")
    def opened(self, funnel: SavedFunnel) -> SafeString:
        """The page that shows and edits it."""
        query = urlencode({"project": funnel.project_id, SAVED: funnel.slug})
        return format_html('<a class="empty-link" href="{}?{}">Open</a>', reverse("explore_funnels"), query)

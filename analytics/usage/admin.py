"""Features are defined on a form of the admin."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.db.models import TextField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextareaWidget

from analytics.matchers import MatcherError, in_words, parse
from analytics.matchers.widget import MatcherField
from analytics.models.features import Feature
from projects.admin_base import ProjectModelAdmin


class FeatureForm(forms.ModelForm[Feature]):
    matcher = MatcherField(label="Uses", help_text="Which events are uses of it.")

    class Meta:
        model = Feature
        fields = ("project", "name", "slug", "description", "matcher", "window_days")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["matcher"]
        assert isinstance(field, MatcherField)
        field.of_project(self.instance.project_id)


@admin.register(Feature)
class FeatureAdmin(ProjectModelAdmin):
    form = FeatureForm
    list_display = ("name", "project", "uses", "shown")
    list_filter = ("project",)
    list_select_related = ("project",)
    fields = ("project", "name", "slug", "description", "matcher", "window_days")
    formfield_overrides = {TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 2})}}
    empty_words = (
        "What people may use. Define a feature by the events that are uses of it, and see who takes it up."
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A feature stays in its project, and its metric under its slug."""
        return () if obj is None else ("project", "slug")

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, tuple[str, ...]]:
        return {} if obj is not None else {"slug": ("name",)}

    @admin.display(description="Uses")
    def uses(self, feature: Feature) -> str:
        """Its matcher in words."""
        try:
            return in_words(parse(feature.matcher))
        except MatcherError as error:
            return f"It can't be read: {error}"

    @admin.display(description="Adoption")
    def shown(self, feature: Feature) -> SafeString:
        """A link to the page that shows it."""
        return format_html('<a class="empty-link" href="{}">Show</a>', _url(feature))

    def response_post_save_add(self, request: HttpRequest, obj: Feature) -> HttpResponse:
        return HttpResponseRedirect(_url(obj))

    def response_post_save_change(self, request: HttpRequest, obj: Feature) -> HttpResponse:
        return HttpResponseRedirect(_url(obj))


def _url(feature: Feature) -> str:
    """The page that shows it."""
    query = urlencode({"project": feature.project_id, "view": "features", "feature": feature.slug})
    return f"{reverse('explore_usage')}?{query}"

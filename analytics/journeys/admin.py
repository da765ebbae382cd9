"""Journeys and their milestones as forms; how people do on them stands on `analytics.journeys.page`."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import TextField
from django.http import HttpRequest
from unfold.admin import StackedInline
from unfold.widgets import UnfoldAdminTextareaWidget

from analytics.journeys.definitions import MAX_MILESTONES, JourneyError, definition_of
from analytics.journeys.ready import TTF
from analytics.matchers.widget import MatcherField
from analytics.models.journeys import Journey, Milestone
from projects.admin_base import ProjectModelAdmin


class MilestoneForm(forms.ModelForm[Milestone]):
    matcher = MatcherField(
        label="Events", help_text="The first one of a person that matches reaches the milestone."
    )

    class Meta:
        model = Milestone
        fields = ("position", "key", "name", "matcher", "target_minutes", "weight")


class MilestoneFormSet(forms.BaseInlineFormSet[Milestone, Journey, MilestoneForm]):
    """Milestones that together make a journey."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        form.fields["matcher"].of_project(self.instance.project_id)
        if index is not None:
            form.fields["position"].initial = index + 1

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        forms_left = [form for form in self.forms if form.has_changed() or form.instance.pk]
        milestones = [form.instance for form in forms_left if not form.cleaned_data.get("DELETE")]
        try:
            definition_of(self.instance, milestones)
        except JourneyError as error:
            raise forms.ValidationError(str(error)) from None


class MilestoneInline(StackedInline):
    model = Milestone
    form = MilestoneForm
    formset = MilestoneFormSet
    extra = 0
    min_num = 2
    max_num = MAX_MILESTONES
    ordering = ("position", "id")
    hide_title = True
    fields = (("name", "key"), "matcher", ("target_minutes", "weight"), "position")


@admin.register(Journey)
class JourneyAdmin(ProjectModelAdmin):
    """Who changes what reaches a milestone has all stored events looked at again."""

    list_display = ("name", "slug", "project", "follow_minutes")
    list_filter = ("project",)
    fields = ("project", "name", "slug", "description", "follow_minutes")
    formfield_overrides = {TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 2})}}
    inlines = (MilestoneInline,)
    empty_words = "Ways that people go, with milestones. Each project gets the time to first value by itself."

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, tuple[str, ...]]:
        return {} if obj else {"slug": ("name",)}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A journey stays in its project; clients, rules and metrics know it by its slug."""
        return () if obj is None else ("project", "slug")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The ready journey would come again; its milestones may be changed."""
        if obj is not None and obj.slug == TTF:
            return False
        return bool(super().has_delete_permission(request, obj))

"""Experiments are set up on one form with their metrics; what they say is on a page of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from django import forms
from django.contrib import admin
from django.db.models import TextField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.admin import StackedInline
from unfold.widgets import UnfoldAdminTextareaWidget

from analytics.experiments.definitions import (
    MAX_METRICS,
    ExperimentError,
    check,
    definition_of,
    metric_of,
)
from analytics.experiments.links import results_url
from analytics.matchers.widget import MatcherField
from analytics.models.experiments import Experiment, ExperimentMetric
from projects.admin_base import ProjectModelAdmin
from storage.times import parse_time

_GIVEN_BY_LINKS: Final[Mapping[str, Callable[[str], Any]]] = {
    "exposure": msgspec.json.decode,
    "starts_at": parse_time,
}
"""How the text of a link becomes a field's value; JSON strictly, as the field reads it."""


class SharesField(forms.CharField):
    """Variants and their shares, one a line: `control = 50`; without a number all get the same."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 3, "placeholder": "control = 50\nnew button = 50"})

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return "\n".join(f"{variant} = {share:g}" for variant, share in value.items())

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)

    def clean(self, value: Any) -> Any:
        lines = [line.strip() for line in str(super().clean(value)).splitlines() if line.strip()]
        return dict(self._share(line) for line in lines)

    def _share(self, line: str) -> tuple[str, float]:
        variant, equals, number = line.rpartition("=")
        if not equals:
            return line, 1.0
        try:
            return variant.strip(), float(number)
        except ValueError:
            raise forms.ValidationError(f"“{line[:100]}” is not written like “control = 50”.") from None


class ExperimentForm(forms.ModelForm[Experiment]):
    exposure = MatcherField(help_text="Which events say that somebody was shown a variant.")
    shares = SharesField(
        required=False,
        help_text="One variant a line, with its share: control = 50. Empty: all that are seen, equally.",
    )

    class Meta:
        model = Experiment
        fields = (
            "project",
            "name",
            "slug",
            "description",
            "exposure",
            "variant_column",
            "control",
            "shares",
            "starts_at",
            "ends_at",
            "planned_people",
            "minimum_days",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        exposure = self.fields["exposure"]
        assert isinstance(exposure, MatcherField)
        exposure.of_project(self.instance.project_id)

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if not self.errors:
            names = ("exposure", "variant_column", "control", "shares", "starts_at", "ends_at")
            try:
                check(Experiment(**{name: found[name] for name in names}))
            except ExperimentError as error:
                # `shares.b` is told at `shares`.
                self.add_error(error.key.partition(".")[0], error.message)
        return found


class MetricForm(forms.ModelForm[ExperimentMetric]):
    matcher = MatcherField(help_text="Which events count.")

    class Meta:
        model = ExperimentMetric
        fields = ("position", "name", "key", "kind", "matcher", "column", "window_minutes", "better")

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if not self.errors:
            names = ("kind", "matcher", "column", "window_minutes")
            try:
                metric_of(ExperimentMetric(**{name: found[name] for name in names}), "metric")
            except ExperimentError as error:
                self.add_error(error.key.split(".")[1], error.message)
        return found


class MetricFormSet(forms.BaseInlineFormSet[ExperimentMetric, Experiment, MetricForm]):
    """Metrics that together judge an experiment."""

    def add_fields(self, form: MetricForm, index: int | None) -> None:
        super().add_fields(form, index)
        matcher = form.fields["matcher"]
        assert isinstance(matcher, MatcherField)
        matcher.of_project(self.instance.project_id)

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        forms_left = [form for form in self.forms if form.has_changed() or form.instance.pk]
        metrics = [form.instance for form in forms_left if not form.cleaned_data.get("DELETE")]
        try:
            definition_of(self.instance, metrics)
        except ExperimentError as error:
            # The experiment's own fields have told of themselves.
            if error.key.startswith("metrics"):
                raise forms.ValidationError(error.message) from None


class MetricInline(StackedInline):
    model = ExperimentMetric
    form = MetricForm
    formset = MetricFormSet
    extra = 0
    min_num = 1
    max_num = MAX_METRICS
    ordering = ("position", "id")
    prepopulated_fields = {"key": ("name",)}
    verbose_name = "Metric"
    verbose_name_plural = "What it is judged by"
    fields = (
        ("name", "key"),
        "matcher",
        ("kind", "column"),
        ("window_minutes", "better"),
        "position",
    )


@admin.register(Experiment)
class ExperimentAdmin(ProjectModelAdmin):
    """After saving, the results are shown."""

    form = ExperimentForm
    list_display = ("name", "slug", "project", "starts_at", "ends_at")
    list_filter = ("project",)
    list_select_related = ("project",)
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    fieldsets = (
        (None, {"fields": ("project", "name", "slug", "description")}),
        (
            "Who takes part",
            {"fields": ("exposure", ("variant_column", "control"), "shares")},
        ),
        (
            "When it is decided",
            {
                "fields": ("starts_at", "ends_at", ("planned_people", "minimum_days")),
                "description": "Fixed before the start: until then the results are marked as too early.",
            },
        ),
    )
    formfield_overrides = {TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 2})}}
    inlines = (MetricInline,)
    empty_words = "Variants of something, and which does better. Set one up before people see it."

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Links and programs know it by its project and slug."""
        return ("project", "slug") if obj else ()

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        return {} if obj else dict(self.prepopulated_fields)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What a link gives, as `links.new_url` writes it; what doesn't fit is left out."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        for name in _GIVEN_BY_LINKS.keys() & initial.keys():
            try:
                initial[name] = _GIVEN_BY_LINKS[name](initial[name])
            except (ValueError, RecursionError, msgspec.DecodeError):
                del initial[name]
        return initial

    def response_post_save_add(self, request: HttpRequest, obj: Experiment) -> HttpResponse:
        return HttpResponseRedirect(results_url(obj.project_id, obj.slug))

    def response_post_save_change(self, request: HttpRequest, obj: Experiment) -> HttpResponse:
        return HttpResponseRedirect(results_url(obj.project_id, obj.slug))

"""What the forms of alerting share: plain fields in the look of the admin, and whose projects they offer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.db.models import QuerySet
from unfold import widgets as unfold

from projects.models import Project

_LOOKS: tuple[tuple[type[forms.Widget], type[forms.Widget]], ...] = (
    (forms.CheckboxSelectMultiple, unfold.UnfoldAdminCheckboxSelectMultipleWidget),
    (forms.CheckboxInput, unfold.UnfoldBooleanSwitchWidget),
    (forms.Textarea, unfold.UnfoldAdminTextareaWidget),
    (forms.NumberInput, unfold.UnfoldAdminDecimalFieldWidget),
    (forms.Select, unfold.UnfoldAdminSelectWidget),
    (forms.TextInput, unfold.UnfoldAdminTextInputWidget),
)


def dress(fields: Iterable[forms.Field]) -> None:
    """Replace the plain widgets of these fields by the admin's, keeping attributes and choices."""
    for field in fields:
        for plain, dressed in _LOOKS:
            if type(field.widget) is plain:
                widget = dressed(attrs=field.widget.attrs)
                widget.is_required = field.required
                field.widget = widget
                if isinstance(field, forms.ChoiceField):
                    field.widget.choices = field.choices
                elif isinstance(field, forms.FloatField):
                    field.widget.attrs.setdefault("step", "any")
                break


def offer_projects(form: forms.ModelForm[Any], projects: QuerySet[Project]) -> None:
    """What a new row may belong to, the first of them chosen; the form of a saved one has no such field."""
    field = form.fields.get("project")
    if isinstance(field, forms.ModelChoiceField):
        field.queryset = projects
        if first := projects.first():
            form.initial.setdefault("project", first.pk)

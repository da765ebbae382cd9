"""Gives plain form fields the look of the admin."""

from __future__ import annotations

from collections.abc import Iterable

from django import forms
from unfold import widgets as unfold

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

"""A matcher in a form: fields with suggestions from the data, in the place of its JSON."""

from __future__ import annotations

from typing import Any

import msgspec
from django import forms
from django.forms.fields import InvalidJSONInput
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from analytics.matchers.parsing import MatcherError, parse
from analytics.matchers.words import place_in_words


class MatcherEditor(forms.Textarea):
    """The matcher's JSON in a text area, which the script puts fields over. Without scripts one edits the JSON.

    `project_id`: whose events it suggests; where it is None, those of the project that the form itself names.
    """

    project_id: int | None = None

    class Media:
        css = {"all": ["analytics/matcher.css"]}
        js = [forms.Script("analytics/matcher.js", defer=True)]

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"rows": 3, "spellcheck": "false", **(attrs or {})})

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """With what the template is given by pages, too."""
        context: dict[str, Any] = super().get_context(name, value, attrs)
        widget = context["widget"]
        shown = {"name": widget["name"], "value": widget["value"], "attrs": widget["attrs"]}
        return {**context, **shown, "project_id": self.project_id}

    def _render(self, template_name: str, context: dict[str, Any], renderer: Any = None) -> SafeString:
        # Not by the form's renderer, which doesn't know the templates of this project.
        return render_to_string("analytics/matcher_editor.html", context)


class MatcherField(forms.JSONField):
    """A matcher in a form. Its value is the JSON as it was entered, which `parse` has read without an error."""

    widget = MatcherEditor

    def to_python(self, value: Any) -> Any:
        """Strict, as the API is: Python's own parser takes what PostgreSQL can't hold."""
        if not isinstance(value, str) or not value.strip():
            return super().to_python(value)
        try:
            return msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None

    def prepare_value(self, value: Any) -> Any:
        """Nothing is an empty text area, not "null"."""
        return "" if value is None else super().prepare_value(value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """As it was entered, whatever is wrong with it."""
        return initial if self.disabled else data and InvalidJSONInput(data)

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        if found is not None:
            try:
                parse(found)
            except MatcherError as error:
                where = place_in_words(error.key)
                message = f"{where}: {error.message}" if where else error.message
                raise forms.ValidationError(message, code="invalid") from None
        return found

    def of_project(self, project_id: int | None) -> None:
        """Suggest what the events of this project have."""
        assert isinstance(self.widget, MatcherEditor)
        self.widget.project_id = project_id

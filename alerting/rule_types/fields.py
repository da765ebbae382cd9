"""Form fields of conditions: plain inputs instead of a JSON box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from alerting.sources.samples import text_of


class TextField(forms.CharField):
    """A text box that counts as changed only when its text is not the one it showed."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return _lines(self.prepare_value(initial)) != _lines(data)


def _lines(text: str | None) -> list[str]:
    """Without the kind of line break, which is the browser's."""
    return (text or "").splitlines()


class NumberField(forms.FloatField):
    """Shows whole numbers as people write them: 80, not 80.0."""

    def prepare_value(self, value: Any) -> Any:
        return int(value) if isinstance(value, float) and value.is_integer() else value


class NameListField(TextField):
    """`host_name, region` as a list of names."""

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else ", ".join(value or ())

    def clean(self, value: Any) -> list[str]:
        text = super().clean(value)
        return [name.strip() for name in text.replace("\n", ",").split(",") if name.strip()]


class KeyValueField(TextField):
    """One `key=value` per line as a dictionary of texts."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return "\n".join(f"{name}={text_of(text)}" for name, text in value.items())
        return value

    def clean(self, value: Any) -> dict[str, str]:
        pairs: dict[str, str] = {}
        for line in super().clean(value).splitlines():
            name, equals, text = line.partition("=")
            if not line.strip():
                continue
            if not equals or not name.strip():
                raise forms.ValidationError(f"Write one key=value per line; {line.strip()!r} is not.")
            pairs[name.strip()] = text.strip()
        return pairs


def text(label: str, help_text: str = "", *, required: bool = False) -> TextField:
    return TextField(label=label, help_text=help_text, required=required)


def choice(label: str, choices: Sequence[tuple[str, str]], initial: str) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=choices, initial=initial)


OPERATORS = [
    (">", "> above"),
    (">=", ">= at or above"),
    ("<", "< below"),
    ("<=", "<= at or below"),
    ("==", "== equal to"),
    ("!=", "!= other than"),
]


def shared() -> dict[str, forms.Field]:
    """The fields of every condition."""
    return {
        "group_by": NameListField(
            label="One alert for each",
            required=False,
            help_text="Labels or columns with commas between, such as host_name. Empty: one alert for all.",
        ),
        "filters": KeyValueField(
            label="Only where",
            required=False,
            help_text="One key=value per line, such as service_name=api.",
            widget=forms.Textarea(attrs={"rows": 3}),
        ),
        "operator": choice("Is", OPERATORS, ">"),
        "threshold": NumberField(label="Threshold"),
        "critical_threshold": NumberField(
            label="Critical past", required=False, help_text="Empty: the rule has one severity."
        ),
        "time_window_minutes": NumberField(
            label="Over the last (minutes)", initial=5, help_text="May be a fraction."
        ),
    }

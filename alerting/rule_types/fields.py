"""Form fields of conditions: plain inputs instead of a JSON box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from django import forms

from alerting.sources.samples import Aggregation, text_of


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


def events() -> dict[str, forms.Field]:
    """Which events."""
    return {
        "event_type": text("Event type", "For example error_event. Empty takes every type."),
        "event_name": text("Event name"),
        "event_category": text("Event category"),
    }


def metric() -> forms.Field:
    return text(
        "Metric",
        "For example cpu_usage. For traces one of duration_ms, error_ratio, span_count.",
        required=True,
    )


def aggregation() -> forms.Field:
    return choice("Aggregation", [(name, name) for name in get_args(Aggregation)], "avg")


def selection(source: str, *, is_counting: bool = False) -> dict[str, forms.Field]:
    """What to watch in this source; `is_counting`: records are counted, whatever their numbers."""
    if source == "telemetry_event":
        return events()
    if is_counting:
        return {} if source == "trace" else {"metric": metric()}
    return {"metric": metric(), "aggregation": aggregation()}


def scope() -> dict[str, forms.Field]:
    """Where to look, and how far back."""
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
        "time_window_minutes": NumberField(
            label="Over the last (minutes)", initial=5, help_text="May be a fraction."
        ),
    }


def limit(threshold: float | None = None, operator: str = ">") -> dict[str, forms.Field]:
    """When it is wrong; a `threshold` is what a new rule is offered."""
    return {
        "operator": choice("Is", OPERATORS, operator),
        "threshold": NumberField(label="Threshold", initial=threshold),
        "critical_threshold": NumberField(
            label="Critical past", required=False, help_text="Empty: the rule has one severity."
        ),
    }


def minimum_count() -> forms.Field:
    return NumberField(
        label="At least",
        required=False,
        help_text="With less than this there is too little to judge: no data.",
    )


def shared() -> dict[str, forms.Field]:
    """The fields of most conditions."""
    return {**scope(), **limit()}

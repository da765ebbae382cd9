"""Form fields of conditions: plain inputs instead of a JSON box."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from django import forms

from alerting.rule_types.condition_field import ConditionField
from alerting.rule_types.event_matchers import spelled_out
from alerting.rule_types.selection import EVENTS
from alerting.sources.samples import Aggregation, text_of
from analytics.matchers import MATCHER_KEYS
from analytics.matchers.widget import MatcherField


class TextField(ConditionField, forms.CharField):
    """A text box that counts as changed only when its text is not the one it showed."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return _lines(self.prepare_value(initial)) != _lines(data)


def _lines(text: str | None) -> list[str]:
    """Without the kind of line break, which is the browser's."""
    return (text or "").splitlines()


class NumberField(ConditionField, forms.FloatField):
    """Shows whole numbers as people write them: 80, not 80.0."""

    def prepare_value(self, value: Any) -> Any:
        return int(value) if isinstance(value, float) and value.is_integer() else value


class WholeNumberField(ConditionField, forms.IntegerField):
    """A count."""


class ChoiceField(ConditionField, forms.ChoiceField):
    """One of some words."""


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


def pairs(lines: str) -> dict[str, str]:
    """`key=value` a line; a line that is none has an empty value."""
    split = (line.partition("=") for line in lines.splitlines() if line.strip())
    return {name.strip(): value.strip() for name, _, value in split}


class FiltersField(KeyValueField):
    """Filters by key."""

    def linked(self, name: str, texts: Mapping[str, str], filters: Mapping[str, str]) -> str:
        """A line each: a value of two lines has no place in the field."""
        lines = [f"{key}={value}" for key, value in filters.items()]
        return "\n".join(line for line in lines if len(line.splitlines()) == 1)


def text(label: str, help_text: str = "", *, required: bool = False) -> TextField:
    return TextField(label=label, help_text=help_text, required=required)


def choice(label: str, choices: Sequence[tuple[str, str]], initial: str) -> ChoiceField:
    return ChoiceField(label=label, choices=choices, initial=initial)


OPERATORS = [
    (">", "> above"),
    (">=", ">= at or above"),
    ("<", "< below"),
    ("<=", "<= at or below"),
    ("==", "== equal to"),
    ("!=", "!= other than"),
]


class EventsField(MatcherField, ConditionField):
    """Events in the form of a rule: those keys of the condition that are a matcher, or the selection under `key`."""

    def __init__(self, key: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.key = key

    def keys(self, name: str) -> Sequence[str]:
        return (self.key,) if self.key else MATCHER_KEYS

    def shown(self, name: str, stored: Mapping[str, Any], read: Mapping[str, Any]) -> Any:
        """As it is stored, however it is read; None for every event."""
        if not self.key:
            return {key: value for key in MATCHER_KEYS if (value := stored.get(key))} or None
        selected = stored.get(self.key)
        return (spelled_out(selected) if isinstance(selected, Mapping) else selected) or None

    def filled(self, name: str, value: Any) -> Mapping[str, Any]:
        return {self.key: value} if self.key else value

    def linked(self, name: str, texts: Mapping[str, str], filters: Mapping[str, str]) -> Any:
        return spelled_out(pairs(texts.get(self.key, "")) if self.key else filters)


def events() -> dict[str, ConditionField]:
    """Which events; none entered are all."""
    help_text = "A name, conditions, or both. Empty: every event."
    return {"events": EventsField(label="Events", required=False, help_text=help_text)}


def common_events(source: str) -> dict[str, ConditionField]:
    """Beside selections of events: what holds for both."""
    if source != EVENTS:
        return {}
    return {"common_events": EventsField(label="Only where", required=False, help_text="Narrows both.")}


def selected(
    key: str, label: str, source: str, examples: str, *, required: bool = True
) -> dict[str, ConditionField]:
    """A part of what is watched, under a key of its own."""
    if source == EVENTS:
        help_text = "" if required else "Empty: all of them."
        return {f"{key}_events": EventsField(key, label=label, required=required, help_text=help_text)}
    help_text = (
        f"One key=value per line, such as {examples}." if required else "In the same way. Empty: all of them."
    )
    rows = forms.Textarea(attrs={"rows": 2})
    return {key: KeyValueField(label=label, required=required, help_text=help_text, widget=rows)}


def metric() -> ConditionField:
    return text(
        "Metric",
        "For example cpu_usage. For traces one of duration_ms, error_ratio, span_count.",
        required=True,
    )


def aggregation() -> ConditionField:
    return choice("Aggregation", [(name, name) for name in get_args(Aggregation)], "avg")


def selection(source: str, *, is_counting: bool = False) -> dict[str, ConditionField]:
    """What to watch in this source; `is_counting`: records are counted, whatever their numbers."""
    if source == EVENTS:
        return events()
    if is_counting:
        return {} if source == "trace" else {"metric": metric()}
    return {"metric": metric(), "aggregation": aggregation()}


def scope(source: str) -> dict[str, ConditionField]:
    """Where to look, and how far back. Events are narrowed by their matcher."""
    found = {
        "group_by": NameListField(
            label="One alert for each",
            required=False,
            help_text="Labels or columns with commas between, such as host_name. Empty: one alert for all.",
        ),
        "filters": FiltersField(
            label="Only where",
            required=False,
            help_text="One key=value per line, such as service_name=api.",
            widget=forms.Textarea(attrs={"rows": 3}),
        ),
        "time_window_minutes": NumberField(
            label="Over the last (minutes)", initial=5, help_text="May be a fraction."
        ),
    }
    if source == EVENTS:
        del found["filters"]
    return found


def limit(threshold: float | None = None, operator: str = ">") -> dict[str, ConditionField]:
    """When it is wrong; a `threshold` is what a new rule is offered."""
    return {
        "operator": choice("Is", OPERATORS, operator),
        "threshold": NumberField(label="Threshold", initial=threshold),
        "critical_threshold": NumberField(
            label="Critical past", required=False, help_text="Empty: the rule has one severity."
        ),
    }


def minimum_count() -> ConditionField:
    return NumberField(
        label="At least",
        required=False,
        help_text="With less than this there is too little to judge: no data.",
    )


def shared(source: str) -> dict[str, ConditionField]:
    """The fields of most conditions."""
    return {**scope(source), **limit()}

"""The form of an API key: a browser key asks for other things than a server key."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from projects import origins
from projects.keys import BROWSER_RECORDS_PER_SECOND, BROWSER_SCOPES
from projects.models import ApiKey, KeyKind, Scope

MAX_LINES = 100
MAX_NAME = 200


class LinesField(forms.CharField):
    """A list of texts, one a line."""

    widget = UnfoldAdminTextareaWidget({"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        lines = [line.strip() for line in str(super().clean(value) or "").splitlines()]
        found = list(dict.fromkeys(self.clean_line(line) for line in lines if line))
        if len(found) > MAX_LINES:
            raise ValidationError(f"At most {MAX_LINES} lines.")
        return found

    def clean_line(self, line: str) -> str:
        if len(line) > MAX_NAME:
            raise ValidationError(f"At most {MAX_NAME} characters a line.")
        return line

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class OriginsField(LinesField):
    """Origins as browsers write them."""

    def clean_line(self, line: str) -> str:
        try:
            return origins.normalised(line)
        except ValueError as error:
            raise ValidationError(f"{line[:100]} {error}.") from None


class ApiKeyForm(forms.ModelForm[ApiKey]):
    """What belongs to the other kind is not kept (see keys.fit_to_kind), whatever was sent."""

    kind = forms.ChoiceField(
        choices=KeyKind.choices,
        widget=UnfoldAdminSelectWidget,
        initial=KeyKind.SERVER,
        required=False,
        help_text="Anybody can read a browser key in the page that uses it: it can only send telemetry. "
        "A key keeps its kind.",
    )
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        initial=[Scope.INGEST],
        required=False,
        help_text="A key that only sends telemetry needs the first one.",
    )
    record_limit_per_second = forms.IntegerField(
        min_value=1,
        max_value=1_000_000,
        widget=UnfoldAdminIntegerFieldWidget,
        required=False,
        initial=BROWSER_RECORDS_PER_SECOND,
        label="Records per second",
        help_text="Of all visitors together, over all web workers. A larger batch passes once; then the key waits "
        f"until that is paid off. Empty means {BROWSER_RECORDS_PER_SECOND}.",
    )
    allowed_origins = OriginsField(
        required=False,
        help_text="One a line: https://shop.example.com, or https://*.example.com for all below it. Requests from "
        "other pages, or from no page at all, are refused. Empty means any.",
    )
    allowed_event_names = LinesField(
        required=False,
        help_text="One a line. The key then sends these events and nothing else. Empty means anything.",
    )

    class Meta:
        model = ApiKey
        fields = (
            "project",
            "name",
            "kind",
            "scopes",
            "rate_limit_per_second",
            "record_limit_per_second",
            "allowed_origins",
            "allowed_event_names",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A public key must not become one that may read.
        self.fields["kind"].disabled = self.instance.pk is not None

    def clean_kind(self) -> str:
        return self.cleaned_data["kind"] or KeyKind.SERVER

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("kind") == KeyKind.BROWSER:
            cleaned["scopes"] = BROWSER_SCOPES
        elif not cleaned.get("scopes"):
            self.add_error("scopes", "A key without a scope can do nothing.")
        return cleaned

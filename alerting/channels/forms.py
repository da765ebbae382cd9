"""The base of each kind's form in the admin: secrets go in and never come out again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from alerting.channels import kind, places
from alerting.channels.errors import ConfigError

CLEAR = "-"
"""Entered for a secret that is no longer wanted: an empty field keeps it."""


class SecretTextarea(UnfoldAdminTextareaWidget):  # type: ignore[misc]  # unfold ships no types
    """Several lines that are never rendered, not even where the form comes back with errors."""

    def format_value(self, value: Any) -> None:
        return None


class ChannelConfigForm(forms.Form):
    """Fields named as in the configuration. A secret left empty keeps what `stored` has; a hyphen removes a
    `removable` one.

    After `is_valid()` the configuration to store is in `config`, and in `given` what it was to be made of.
    """

    kind_name: ClassVar[str]
    removable: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, *args: Any, stored: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        self.stored = dict(stored or {})
        self.config: dict[str, Any] = {}
        self.given: dict[str, Any] = {}
        super().__init__(*args, **kwargs)
        secret_fields = kind(self.kind_name).secret_fields
        for name in self.config_fields():
            field = self.fields[name]
            if name in secret_fields:
                if name in self.stored:
                    removes = f"; {CLEAR} removes it" if name in self.removable else ""
                    field.widget.attrs["placeholder"] = f"Set. Leave empty to keep it{removes}."
                field.widget.attrs["autocomplete"] = "new-password"
            elif name in self.stored:
                field.initial = self.shown(name, self.stored[name])

    @classmethod
    def config_fields(cls) -> tuple[str, ...]:
        """The fields that make up the configuration; a form that inherits may have more."""
        raise NotImplementedError

    def shown(self, name: str, value: Any) -> Any:
        """A stored value as its field shows it."""
        return value

    def entered(self) -> dict[str, Any]:
        """The fields that were filled in, as the configuration spells them."""
        return {name: self.cleaned_data[name] for name in self.config_fields() if self.cleaned_data.get(name)}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        this_kind = kind(self.kind_name)
        try:
            self.given = self.merged(this_kind.secret_fields)
            self.config = this_kind.parse_config(self.given)
            places.check_secrets(this_kind, self.stored, self.config, self.entered())
        except ConfigError as error:
            for name, message in error.errors.items():
                self.add_error(name if name in self.fields else None, message)
        return cleaned

    def merged(self, secret_fields: frozenset[str]) -> dict[str, Any]:
        """What was entered, over the stored secrets."""
        cleared = {name for name in self.removable if self.cleaned_data.get(name) == CLEAR}
        kept = {name: value for name, value in self.stored.items() if name in secret_fields}
        entered = kept | self.entered()
        return {name: value for name, value in entered.items() if name not in cleared}

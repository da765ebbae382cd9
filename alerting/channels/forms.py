"""The base of each kind's form in the admin: secrets go in and never come out again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms

from alerting.channels.errors import ConfigError


class ChannelConfigForm(forms.Form):
    """Fields named as in the configuration. A secret left empty keeps what `stored` has.

    After `is_valid()` the configuration to store is in `config`.
    """

    kind_name: ClassVar[str]

    def __init__(self, *args: Any, stored: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        self.stored = dict(stored or {})
        self.config: dict[str, Any] = {}
        super().__init__(*args, **kwargs)
        for name in self.config_fields():
            field = self.fields[name]
            if isinstance(field.widget, forms.PasswordInput):
                if name in self.stored:
                    field.widget.attrs["placeholder"] = "Set. Leave empty to keep it."
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
        from alerting.channels import kind

        this_kind = kind(self.kind_name)
        try:
            self.config = this_kind.parse_config(self.merged(this_kind.secret_fields))
        except ConfigError as error:
            for name, message in error.errors.items():
                self.add_error(name if name in self.fields else None, message)
        return cleaned

    def merged(self, secret_fields: frozenset[str]) -> dict[str, Any]:
        """What was entered, over the stored secrets."""
        kept = {name: value for name, value in self.stored.items() if name in secret_fields}
        return kept | self.entered()

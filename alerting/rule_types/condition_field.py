"""What the form of a rule asks of the fields that make up its condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms


class ConditionField(forms.Field):
    """A field between a person and the condition: as it stands, one that fills the key it is named after.

    `name` is what the form calls it.
    """

    def keys(self, name: str) -> Sequence[str]:
        """The keys of the condition that it fills."""
        return (name,)

    def shown(self, name: str, stored: Mapping[str, Any], read: Mapping[str, Any]) -> Any:
        """What it shows of a condition as it is stored, which need not be right, and as far as it can be read."""
        return read.get(name, self.initial)

    def filled(self, name: str, value: Any) -> Mapping[str, Any]:
        """The keys of the condition that a value, as it was entered, stands for."""
        return {name: value}

    def linked(self, name: str, texts: Mapping[str, str], filters: Mapping[str, str]) -> Any:
        """What a link puts into it that gives these texts by key, and these filters however it spells them."""
        return texts.get(name)

    def of_project(self, project_id: int | None) -> None:
        """Suggest what this project has."""

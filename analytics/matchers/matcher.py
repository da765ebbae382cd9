"""A matcher as it is once it has been read. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Literal

Operator = Literal[
    "equals", "one_of", "contains", "greater", "less", "greater_or_equal", "less_or_equal", "exists", "not"
]

Comparison = Literal["greater", "less", "greater_or_equal", "less_or_equal"]

NAMED_COLUMNS: Final = ("event_name", "event_type", "event_category")
"""What a matcher asks beside its filters."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What one column of an event has to say. Exactly one of the values stands for the operator.

    `texts` are what `equals` and `one_of` name, each way that a number may be written, and what `contains` looks for
    (one text); `number` is what the comparisons name; `is_there` what `exists` asks; `inner` are the filters of the
    same column that `not` forbids to hold together. A missing value and an empty text are the same, as they are for
    rules.
    """

    column: str
    operator: Operator
    texts: tuple[str, ...] = ()
    number: Decimal = Decimal(0)
    is_there: bool = True
    inner: tuple[Filter, ...] = ()

    @property
    def plain(self) -> tuple[Filter, ...]:
        """Itself, or what `not` holds: what a row has to be asked."""
        return self.inner if self.operator == "not" else (self,)


@dataclass(frozen=True, slots=True)
class Matcher:
    """All that is given has to hold, and one of the alternatives where there are some. An empty one matches all."""

    event_name: str | None = None
    event_type: str | None = None
    event_category: str | None = None
    filters: tuple[Filter, ...] = ()
    any_of: tuple[Matcher, ...] = ()

    @property
    def named(self) -> tuple[Filter, ...]:
        """Its name, type and category, written as filters."""
        given = ((column, getattr(self, column)) for column in NAMED_COLUMNS)
        return tuple(Filter(column, "equals", (text,)) for column, text in given if text is not None)

    @property
    def plain_filters(self) -> Iterator[Filter]:
        """All that a row has to be asked, alternatives included; none of them a `not`."""
        for one in (*self.named, *self.filters):
            yield from one.plain
        for other in self.any_of:
            yield from other.plain_filters

    @property
    def equalities(self) -> dict[str, str]:
        """The text by column where one value is named, a number as it is written most plainly."""
        return {one.column: one.texts[0] for one in (*self.named, *self.filters) if one.operator == "equals"}

    def both(self, other: Matcher) -> Matcher:
        """What matches this one and the other."""
        any_of = self.any_of or other.any_of
        if self.any_of and other.any_of:
            any_of = tuple(one.both(Matcher(any_of=other.any_of)) for one in self.any_of)
        return replace(self, filters=(*self.filters, *other.named, *other.filters), any_of=any_of)

    @property
    def names(self) -> frozenset[str] | None:
        """The event names that it is limited to; None where events of any name may match."""
        if self.event_name is not None:
            return frozenset({self.event_name})
        found: set[str] = set()
        for one in self.any_of:
            if (names := one.names) is None:
                return None
            found |= names
        return frozenset(found) if self.any_of else None

    @property
    def is_only_names(self) -> bool:
        """Whether the event's name alone decides, so that what is kept by name answers it."""
        if self.event_type is not None or self.event_category is not None or self.filters:
            return False
        if not self.any_of:
            return self.event_name is not None
        return self.event_name is None and all(one.is_only_names for one in self.any_of)

    @property
    def label(self) -> str:
        """What people call it where it has no name of its own."""
        given = self.event_name or self.event_type or self.event_category
        if given:
            return given
        if self.any_of:
            return " or ".join(one.label for one in self.any_of)
        return " and ".join(one.column for one in self.filters)


EVERY_EVENT: Final = Matcher()

"""What a process has seen committed, so that it need not write the same again."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class Known(Generic[KeyT, ValueT]):
    """Stored values by key, about `limit` at most: past that all are forgotten, and written once more."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: dict[KeyT, ValueT] = {}

    def __contains__(self, key: KeyT) -> bool:
        return key in self._values

    def get(self, key: KeyT) -> ValueT | None:
        return self._values.get(key)

    def remember(self, values: Mapping[KeyT, ValueT]) -> None:
        """Call only after the transaction that stored these has committed."""
        if len(self._values) > self._limit:
            self._values.clear()
        self._values.update(values)

    def forget(self) -> None:
        """Deleting rows elsewhere makes all of it wrong."""
        self._values.clear()

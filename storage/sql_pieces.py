"""Pieces of SQL that carry their own parameters, so that they can be put together in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL with the parameters of its placeholders, in their order."""

    text: str
    parameters: tuple[Any, ...] = ()

    def named(self, prefix: str) -> tuple[str, dict[str, Any]]:
        """With %(<prefix><number>)s for each placeholder, and what they stand for: for statements that name theirs."""
        names = [f"{prefix}{number}" for number in range(len(self.parameters))]
        first, *others = self.text.split("%s")
        text = first + "".join(f"%({name})s{piece}" for name, piece in zip(names, others, strict=True))
        return text, dict(zip(names, self.parameters, strict=True))


def joined(pieces: Sequence[Sql], separator: str = ", ") -> Sql:
    """The pieces one after the other."""
    return Sql(
        separator.join(piece.text for piece in pieces),
        tuple(parameter for piece in pieces for parameter in piece.parameters),
    )

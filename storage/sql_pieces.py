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


def joined(pieces: Sequence[Sql], separator: str = ", ") -> Sql:
    """The pieces one after the other."""
    return Sql(
        separator.join(piece.text for piece in pieces),
        tuple(parameter for piece in pieces for parameter in piece.parameters),
    )

"""Why a backtest can't be had; the texts are for people."""

from __future__ import annotations

from collections.abc import Mapping


class BacktestError(Exception):
    """A backtest that was not made, and what to do about it."""


class PeriodError(BacktestError):
    """A period that can't be replayed: `errors` by field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = dict(errors)


class TooMuch(BacktestError):
    """More data or more work than one request may ask for."""


class Busy(BacktestError):
    """The project has a backtest under way: one at a time, because each takes a processor for itself."""

    def __init__(self) -> None:
        super().__init__("Another backtest of this project is under way: try again in a few seconds.")

"""How far a run is, on stderr: a bar that is redrawn on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time

_WIDTH = 20


class Progress:
    """The bar of one benchmark."""

    def __init__(self, name: str, place: str) -> None:
        self._label = f"[{place}] {name}"
        self._began = time.monotonic()
        self._is_terminal = sys.stderr.isatty()

    def say(self, text: str) -> None:
        """What is being done now."""
        seconds = time.monotonic() - self._began
        line = f"{self._label} {seconds:4.0f} s  {text}"
        if self._is_terminal:
            sys.stderr.write(f"\r\033[K{line[:150]}")
        else:
            sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    def advance(self, done: int, total: int, text: str = "") -> None:
        """Redraw the bar."""
        full = done * _WIDTH // total
        self.say(f"[{'#' * full}{'.' * (_WIDTH - full)}] {done}/{total}  {text}")

    def close(self, text: str) -> None:
        """The last line; it stays on the screen."""
        self.say(text)
        if self._is_terminal:
            sys.stderr.write("\n")

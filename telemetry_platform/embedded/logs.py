"""The servers' own messages, kept beside their data and out of the console."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_LARGEST_BYTES = 10 * 1024 * 1024


def open_log(home: Path, name: str) -> BinaryIO:
    """Open `logs/<name>.log` for appending; one older file is kept when it has grown large."""
    folder = home / "logs"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{name}.log"
    if path.exists() and path.stat().st_size > _LARGEST_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")

"""Series with labelled windows, in the folder layout of the Numenta Anomaly Benchmark."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

LABELS = Path("labels", "combined_windows.json")

Window = tuple[datetime, datetime]


class NotLabelled(ValueError):
    """The folder doesn't hold labelled series; the text says why."""


@dataclass(frozen=True, slots=True)
class LabelledSeries:
    """Points in the order of their times, one for each time; both ends of a window belong to it."""

    name: str
    points: list[tuple[datetime, float]]
    windows: list[Window]


def read_folder(folder: Path) -> Iterator[LabelledSeries]:
    """`labels/combined_windows.json` and the files `<group>/<name>.csv` that it names. Raises NotLabelled."""
    try:
        labels = msgspec.json.decode((folder / LABELS).read_bytes(), type=dict[str, list[tuple[str, str]]])
    except OSError:
        raise NotLabelled(f"{folder} has no {LABELS}.") from None
    except msgspec.DecodeError as error:
        raise NotLabelled(f"{folder / LABELS}: {error}") from None
    for name, windows in sorted(labels.items()):
        path = folder / name
        if path.is_file():
            yield LabelledSeries(name, _points(path), [(_time(start), _time(end)) for start, end in windows])


def _points(path: Path) -> list[tuple[datetime, float]]:
    """Sorted; of several at one time the last, as of a series only one can be stored."""
    with path.open(newline="") as file:
        rows = {_time(row["timestamp"]): float(row["value"]) for row in csv.DictReader(file)}
    return sorted(rows.items())


def _time(text: str) -> datetime:
    """A time without a zone, which is UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)

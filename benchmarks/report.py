"""What a benchmark says in the end: a row of the table and of results.json. No clock and no I/O here."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Better = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison: a measurement of each side per round, or the reason why there is none.

    Ratios are turned so that more is better for us: 2.0 is twice the throughput, or half the time. `goal` is the
    smallest median ratio that counts as reached. Where a row is held against a limit instead of another program,
    `theirs` is that limit.
    """

    name: str
    goal: float
    unit: str
    better: Better = "higher"
    ours: Sequence[float] = ()
    theirs: Sequence[float] = ()
    reason: str = ""
    notes: Sequence[str] = ()

    @property
    def ratios(self) -> list[float]:
        """One per round; empty where nothing was measured."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return [ours / theirs if self.better == "higher" else theirs / ours for ours, theirs in pairs]

    @property
    def is_reached(self) -> bool | None:
        """Whether the median ratio meets the goal; None where nothing was measured."""
        return statistics.median(self.ratios) >= self.goal if self.ratios else None


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values doesn't exceed (nearest rank)."""
    ordered = sorted(values)
    rank = -(-len(ordered) * share // 1)
    return ordered[max(0, int(rank) - 1)]


def as_json(rows: Sequence[Row]) -> str:
    """The text of results.json."""
    return json.dumps([_as_object(row) for row in rows], indent=2) + "\n"


def _as_object(row: Row) -> dict[str, Any]:
    ratios = row.ratios
    found: dict[str, Any] = {
        "name": row.name,
        "ratio": {
            "median": _short(statistics.median(ratios)),
            "min": _short(min(ratios)),
            "max": _short(max(ratios)),
        }
        if ratios
        else None,
        "ours": _short(statistics.median(row.ours)) if ratios else None,
        "theirs": _short(statistics.median(row.theirs)) if ratios else None,
        "unit": row.unit,
        "goal": row.goal,
        "rounds": len(ratios),
    }
    if row.reason:
        found["reason"] = row.reason
    if row.notes:
        found["notes"] = list(row.notes)
    return found


def _short(number: float) -> float:
    """Four digits: more would be noise."""
    return float(f"{number:.4g}")


def table(rows: Sequence[Row]) -> str:
    """The rows as text for a terminal."""
    cells: list[tuple[str, ...]] = [("benchmark", "ours", "theirs", "unit", "ratio (min to max)", "goal", "")]
    cells += [_cells(row) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
    lines.insert(1, "-" * len(lines[0]))
    for row in rows:
        lines += [f"{row.name}: {note}" for note in ([row.reason] if row.reason else []) + list(row.notes)]
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    ratios = row.ratios
    if not ratios:
        return row.name, "-", "-", row.unit, "-", f">= {row.goal:g}", "not measured"
    return (
        row.name,
        figure(statistics.median(row.ours)),
        figure(statistics.median(row.theirs)),
        row.unit,
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        f">= {row.goal:g}",
        "reached" if row.is_reached else "missed",
    )


def figure(number: float) -> str:
    """A number as people read it: 61,234 or 0.73."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"

"""Newest values as Prometheus' text format or OpenMetrics 1.0. Pure: no database, no Django.

Names that both formats don't know are made valid with underscores (`http.server.duration` becomes
`http_server_duration`). Where two labels of a series meet under one name their values are joined by ";"; where two
series do, the newest one is shown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from metrics.federation import QUANTILES, Newest
from metrics.increments import CUMULATIVE, DELTA

_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_:]")
_NOT_IN_LABELS = re.compile(r"[^a-zA-Z0-9_]")
_TOTAL = "_total"

Lines = dict[str, tuple[datetime, float]]
"""`name{labels}` -> newest time and value."""


@dataclass(slots=True)
class _Family:
    """All samples under one name, with the type that they share."""

    kind: str
    description: str
    lines: Lines = field(default_factory=dict)


def exposition(
    found: Sequence[Newest], descriptions: Mapping[str, str], *, openmetrics: bool
) -> Iterator[str]:
    """The text in pieces, one family each. `descriptions` are by the names that series were stored under."""
    families = _families(found, descriptions, openmetrics=openmetrics)
    pieces = ("".join(_lines_of(name, one, openmetrics=openmetrics)) for name, one in families.items())
    return chain(pieces, ["# EOF\n"] if openmetrics else [])


def _families(
    found: Sequence[Newest], descriptions: Mapping[str, str], *, openmetrics: bool
) -> dict[str, _Family]:
    names = {valid_name(newest.name) for newest in found}
    families: dict[str, _Family] = {}
    taken: dict[str, Lines] = {}
    for newest in found:
        name, kind = valid_name(newest.name), _kind(newest)
        if openmetrics and kind == "counter":
            name, kind = _counter_family(name, names)
        family = families.setdefault(name, _Family(kind, descriptions.get(newest.name, "")))
        if family.kind != kind:
            family.kind = "unknown" if openmetrics else "untyped"
        for line, value in _samples(newest):
            lines = taken.setdefault(line, family.lines)
            if line not in lines or lines[line][0] < newest.timestamp:
                lines[line] = (newest.timestamp, value)
    return families


def _counter_family(name: str, names: Collection[str]) -> tuple[str, str]:
    """OpenMetrics knows a counter by its suffix, which is no part of the family's name: others can't be counters."""
    family = name.removesuffix(_TOTAL)
    return (name, "unknown") if family == name or family in names else (family, "counter")


def _kind(newest: Newest) -> str:
    if newest.count is not None:
        return "summary"
    # A scraper would take each smaller value of a delta for a reset.
    return "counter" if newest.metric_type == "counter" and newest.temporality != DELTA else "gauge"


def _samples(newest: Newest) -> Iterator[tuple[str, float]]:
    """(`name{labels}`, value) of each line of a series."""
    name, labels = valid_name(newest.name), valid_labels(newest.labels)
    if newest.count is None:
        if newest.value is not None:
            yield name + _braces(labels), newest.value
        return
    if "quantile" in labels:
        labels["exported_quantile"] = labels.pop("quantile")
    for q, value in zip(QUANTILES, newest.quantiles, strict=True):
        if value is not None:
            yield name + _braces({**labels, "quantile": str(q)}), value
    if newest.temporality != CUMULATIVE:
        # What only this point holds is no counter, and in a summary both lines would be.
        return
    if newest.sum is not None:
        yield f"{name}_sum{_braces(labels)}", newest.sum
    yield f"{name}_count{_braces(labels)}", newest.count


def _lines_of(name: str, family: _Family, *, openmetrics: bool) -> Iterator[str]:
    if not family.lines:
        return
    yield f"# TYPE {name} {family.kind}\n"
    if family.description:
        yield f"# HELP {name} {_escaped(family.description, quotes=openmetrics)}\n"
    for line, (moment, value) in family.lines.items():
        yield f"{line} {number_text(value)} {_time_text(moment, openmetrics=openmetrics)}\n"


def valid_name(name: str) -> str:
    """A metric's name as both formats allow it."""
    valid = _NOT_IN_NAMES.sub("_", name)
    return f"_{valid}" if valid[:1].isdigit() else valid


def valid_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels, in order, under names that both formats allow; those that begin with "__" are Prometheus' own."""
    found: dict[str, str] = {}
    for name, value in sorted(labels.items()):
        valid = _NOT_IN_LABELS.sub("_", name)
        if valid[:1].isdigit():
            valid = f"_{valid}"
        if valid.startswith("__"):
            valid = f"exported{valid}"
        found[valid] = f"{found[valid]};{value}" if valid in found else value
    return found


def _braces(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(text: str, *, quotes: bool = True) -> str:
    text = text.replace("\\", r"\\").replace("\n", r"\n")
    return text.replace('"', r"\"") if quotes else text


def number_text(value: float) -> str:
    """A number as Prometheus writes it; a float keeps all its digits."""
    if math.isfinite(value):
        return str(value)
    return "NaN" if math.isnan(value) else f"{'+' if value > 0 else '-'}Inf"


def _time_text(moment: datetime, *, openmetrics: bool) -> str:
    """Seconds in OpenMetrics, else whole milliseconds."""
    return f"{moment.timestamp():.3f}" if openmetrics else str(round(moment.timestamp() * 1000))

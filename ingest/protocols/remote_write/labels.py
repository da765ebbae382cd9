"""Labels as they are sent, checked, and as what names the series of a record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from metrics.series import MAX_LABEL_NAME, MAX_LABEL_VALUE, MAX_LABELS, Labels
from storage.fields import MAX_NAME
from storage.texts import cut

Pairs = tuple[tuple[str, str], ...]
"""(name, value) in the order in which they were sent."""

NAME = "__name__"


class LabelError(ValueError):
    """The labels of a series are not what the specification asks for; the text says why."""


@dataclass(frozen=True, slots=True)
class Named:
    """A series by the fields of a record; `service_name` and `instance_id` are for searching only."""

    metric_name: str
    labels: Labels
    service_name: str | None
    instance_id: str | None
    character_count: int
    """Of all labels, to be written with each series."""


def named(pairs: Pairs, *, is_utf8_allowed: bool) -> Named:
    """Raises LabelError unless names rise, none is empty or repeated, and all follow the version's rules."""
    _check_sizes(pairs)
    names = [name for name, _ in pairs]
    by_name = dict(pairs)
    # A sort of what is sorted costs less than a look at each pair.
    if names != sorted(by_name) or not all(names) or not all(by_name.values()):
        raise LabelError(_fault(pairs))
    metric_name = by_name.pop(NAME, "")
    if not metric_name:
        raise LabelError(f"the label {NAME} is missing")
    if not is_utf8_allowed:
        _check_names(metric_name, by_name)
    if len(metric_name) > MAX_NAME:
        # Two long names that begin alike are two series still.
        by_name = dict(sorted({"metric_name": metric_name, **by_name}.items()))
    return Named(
        metric_name=cut(metric_name),
        labels=tuple(by_name.items()),
        service_name=_copied(by_name, "job"),
        instance_id=_copied(by_name, "instance"),
        character_count=character_count(by_name) + len(metric_name),
    )


def exemplar_labels(pairs: Pairs) -> dict[str, str]:
    """Those of an exemplar, in any order. Raises LabelError where one is too long or they are too many."""
    _check_sizes(pairs)
    return dict(pairs)


def character_count(labels: Mapping[str, str]) -> int:
    """Of names and values."""
    return sum(map(len, labels)) + sum(map(len, labels.values()))


def _copied(labels: Mapping[str, str], name: str) -> str | None:
    return cut(labels[name]) if name in labels else None


def _fault(pairs: Pairs) -> str:
    """What is wrong with labels that are not in order."""
    before = ""
    for name, value in pairs:
        if not name:
            return "the name of a label is empty"
        if not value:
            return f"the label {name[:50]!r} is empty"
        if sum(name == other for other, _ in pairs) > 1:
            return f"the label {name[:50]!r} is repeated"
        if name < before:
            return f"the labels are not sorted: {name[:50]!r} comes after {before[:50]!r}"
        before = name
    return ""


def check_count(count: int) -> None:
    """Raises LabelError for more labels than a series may have; before they are looked at one by one."""
    if count > MAX_LABELS + 1:
        raise LabelError(f"a series has at most {MAX_LABELS} labels beside its name")


def _check_sizes(pairs: Pairs) -> None:
    check_count(len(pairs))
    for name, value in pairs:
        if len(name) > MAX_LABEL_NAME or len(value) > MAX_LABEL_VALUE:
            limits = f"{MAX_LABEL_NAME} characters, its value {MAX_LABEL_VALUE}"
            raise LabelError(f"the label {name[:50]!r} is too long: a name has at most {limits}")


def _check_names(metric_name: str, labels: Iterable[str]) -> None:
    if not _is_plain(metric_name.replace(":", "_")):
        raise LabelError(f"{metric_name[:50]!r} is not a valid metric name in remote write 1.0")
    for name in labels:
        if not _is_plain(name):
            raise LabelError(f"{name[:50]!r} is not a valid label name in remote write 1.0")


def _is_plain(name: str) -> bool:
    """Whether it matches [a-zA-Z_][a-zA-Z0-9_]*, at half the cost of a regular expression."""
    return name.isascii() and name.isidentifier()

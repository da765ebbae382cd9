"""Places for the boxes of a map: callers left, what they call right of them. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

BOX_WIDTH, BOX_HEIGHT = 160, 64
LAYER_GAP, ROW_GAP = 108, 34
"""Five layers, made a little smaller, fit beside the side bar of a screen 1,440 pixels wide."""
SWEEPS = 4

Arrow = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """The upper left corner of a box, in pixels."""

    x: float
    y: float

    @property
    def middle_y(self) -> float:
        return self.y + BOX_HEIGHT / 2


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each box is, and how large the picture is."""

    places: Mapping[str, Place]
    width: float
    height: float


def layout(names: Collection[str], arrows: Iterable[Arrow]) -> Layout:
    """Each arrow goes to a later layer, except those that close a ring.

    The layer of a box is the longest way to it; within a layer boxes lie near what they are connected with.
    """
    known = [arrow for arrow in arrows if arrow[0] in names and arrow[1] in names and arrow[0] != arrow[1]]
    forward = without_rings(names, known)
    layers = _ordered(_layers(names, forward), forward)
    tallest = max((len(layer) for layer in layers), default=0)
    height = tallest * (BOX_HEIGHT + ROW_GAP) - ROW_GAP if tallest else 0
    places = {
        name: Place(column * (BOX_WIDTH + LAYER_GAP), top + row * (BOX_HEIGHT + ROW_GAP))
        for column, layer in enumerate(layers)
        for top in [(height - (len(layer) * (BOX_HEIGHT + ROW_GAP) - ROW_GAP)) / 2]
        for row, name in enumerate(layer)
    }
    width = len(layers) * (BOX_WIDTH + LAYER_GAP) - LAYER_GAP if layers else 0
    return Layout(places, width, height)


def without_rings(names: Collection[str], arrows: Sequence[Arrow]) -> list[Arrow]:
    """The arrows without those that lead back to where a walk along them came from; walks begin where none leads."""
    following: dict[str, list[str]] = {name: [] for name in names}
    for caller, callee in arrows:
        following[caller].append(callee)
    called = {callee for _, callee in arrows}
    kept: list[Arrow] = []
    finished: set[str] = set()
    for start in sorted(names, key=lambda name: (name in called, name)):
        _walk(start, following, finished, kept)
    return kept


def _walk(start: str, following: Mapping[str, list[str]], finished: set[str], kept: list[Arrow]) -> None:
    """Depth first; a loop, for chains are as long as they like."""
    if start in finished:
        return
    on_the_way = {start}
    waiting = [(start, iter(sorted(following[start])))]
    while waiting:
        name, rest = waiting[-1]
        callee = next(rest, None)
        if callee is None:
            waiting.pop()
            on_the_way.discard(name)
            finished.add(name)
        elif callee not in on_the_way:
            kept.append((name, callee))
            if callee not in finished:
                on_the_way.add(callee)
                waiting.append((callee, iter(sorted(following[callee]))))


def _layers(names: Collection[str], arrows: Sequence[Arrow]) -> list[list[str]]:
    """By the longest way to each; there are no rings in the arrows."""
    incoming = dict.fromkeys(names, 0)
    following: dict[str, list[str]] = {name: [] for name in names}
    for caller, callee in arrows:
        incoming[callee] += 1
        following[caller].append(callee)
    depth = dict.fromkeys(names, 0)
    ready = sorted(name for name in names if not incoming[name])
    while ready:
        name = ready.pop()
        for callee in following[name]:
            depth[callee] = max(depth[callee], depth[name] + 1)
            incoming[callee] -= 1
            if not incoming[callee]:
                ready.append(callee)
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name in sorted(names):
        layers[depth[name]].append(name)
    return layers


def _ordered(layers: list[list[str]], arrows: Sequence[Arrow]) -> list[list[str]]:
    """Each layer sorted by where its neighbours in the layers before, then after, lie on average."""
    callers: dict[str, list[str]] = {}
    callees: dict[str, list[str]] = {}
    for caller, callee in arrows:
        callers.setdefault(callee, []).append(caller)
        callees.setdefault(caller, []).append(callee)
    for sweep in range(SWEEPS):
        neighbours, order = (callers, layers) if sweep % 2 == 0 else (callees, layers[::-1])
        for layer in order:
            layer[:] = _near_their_neighbours(layer, neighbours, _ranks(layers))
    return layers


def _ranks(layers: Iterable[Sequence[str]]) -> dict[str, float]:
    """Where each box lies within its layer, from 0 on and below 1."""
    return {name: row / len(layer) for layer in layers for row, name in enumerate(layer)}


def _near_their_neighbours(
    layer: Iterable[str], neighbours: Mapping[str, Sequence[str]], ranks: Mapping[str, float]
) -> list[str]:
    def wish(name: str) -> tuple[float, str]:
        near = neighbours.get(name) or [name]
        return sum(ranks[one] for one in near) / len(near), name

    return sorted(layer, key=wish)

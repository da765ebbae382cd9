"""Sessions put together from pieces, as arrays. Pure, but for numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.trails import MICROSECOND, Longs, Numbers
from events.session_pieces import STRETCH

PART: Final = 500_000
"""Pieces that are put together at once: temporary arrays then stay in memory that is used again and again."""

_STRETCH_US: Final = STRETCH // MICROSECOND
_MIXER: Final = np.int64(-7046029254386353131)
"""Any odd number that is large: a multiplication by it loses nothing."""
_HAS_ID: Final = np.int64(1)
"""The bit of a key that says that its sessions have an id; in units it is 0."""
_NO_TIMES, _NO_PLACES = np.zeros(0, np.int64), np.zeros(0, np.int32)

Seconds = npt.NDArray[np.float64]


class TooMuch(Exception):
    """More than may lie in memory at once."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Session pieces, by their stretch. `who` and `session` are hashes as stored, times microseconds since 2000."""

    who: Longs
    session: Longs
    first_us: Longs
    last_us: Longs


@dataclass(frozen=True, slots=True)
class SessionArrays:
    """When each session began and ended, and of how many units they are.

    The pieces of the n-th one are those at the places `pieces[bounds[n]:bounds[n + 1]]`.
    """

    unit_count: int
    started_us: Longs
    ended_us: Longs
    bounds: Numbers
    pieces: Numbers

    @property
    def seconds(self) -> Seconds:
        """How long each lasted."""
        found: Seconds = (self.ended_us - self.started_us) / 1e6
        return found


def sessions_of(pieces: Pieces, unit: Longs, gap: timedelta) -> SessionArrays:
    """Every session; `unit` says whose each piece is, `gap` is not shorter than STRETCH."""
    part_count = 1 << (len(unit) // PART).bit_length()
    # Bit 0 of all units is 0.
    parts = places_of_each((unit >> 1) & (part_count - 1), part_count)
    return _joined([_of_part(pieces, unit, gap, where) for where in parts if len(where)])


def _joined(parts: Sequence[SessionArrays]) -> SessionArrays:
    """No unit is in two parts."""
    before = np.cumsum([0, *(len(part.pieces) for part in parts)], dtype=np.int32)
    bounds = [part.bounds[:-1] + shift for part, shift in zip(parts, before[:-1], strict=True)]
    return SessionArrays(
        unit_count=sum(part.unit_count for part in parts),
        started_us=np.concatenate([_NO_TIMES, *(part.started_us for part in parts)]),
        ended_us=np.concatenate([_NO_TIMES, *(part.ended_us for part in parts)]),
        bounds=np.concatenate([*bounds, before[-1:]]),
        pieces=np.concatenate([_NO_PLACES, *(part.pieces for part in parts)]),
    )


def _of_part(pieces: Pieces, unit: Longs, gap: timedelta, where: Longs) -> SessionArrays:
    """The sessions made of the pieces at these places, of which there are some."""
    unit = unit[where]
    order, key = in_order(_keys(unit, pieces.session[where]))
    places = where[order]
    first, last = pieces.first_us[places], pieces.last_us[places]
    # Several ids of one person may have pieces in one stretch: these follow each other in no order.
    begins = np.flatnonzero(_changes(key) | _changes(first // _STRETCH_US))
    key, first, last = key[begins], np.minimum.reduceat(first, begins), np.maximum.reduceat(last, begins)
    is_silent = np.append(True, first[1:] - last[:-1] > gap // MICROSECOND)
    starts = np.flatnonzero(_changes(key) | (is_silent & (key & _HAS_ID == 0)))
    return SessionArrays(
        # numpy's `unique` puts what it finds into a hash table, which takes dozens of times as long as sorting.
        unit_count=int(np.count_nonzero(_changes(np.sort(unit)))),
        started_us=first[starts],
        ended_us=last[np.append(starts[1:], len(last)) - 1],
        bounds=np.append(begins[starts], len(places)).astype(np.int32),
        pieces=places.astype(np.int32),
    )


def _keys(unit: Longs, session: Longs) -> Longs:
    """One number for what may belong together: sorting by two takes several times as long."""
    of_ids = (unit + session * _MIXER) | _HAS_ID
    return np.where(session == 0, unit, of_ids)


def places_of_each(numbers: Longs, count: int) -> list[Longs]:
    """For each number from 0 to `count` - 1 the places where it stands.

    numpy sorts numbers of 8 and 16 bits by counting; to look for each one would be to read all `count` times.
    """
    order = np.argsort(numbers.astype(np.min_scalar_type(count - 1)), kind="stable")
    ends = np.bincount(numbers, minlength=count).cumsum()
    return np.split(order, ends[:-1])


def in_order(keys: Longs) -> tuple[Longs, Longs]:
    """The places that put equal keys together, each in the order they came in (as a stable argsort), and the keys so.

    numpy sorts numbers in a tenth of the time that it takes for places. So the upper bits of a key and its place are
    one number. Where keys differ in their lower bits alone, which few hashes do, they are sorted once more.
    """
    bits = len(keys).bit_length()
    mixed = keys >> bits << bits
    mixed |= np.arange(len(keys))
    mixed.sort()
    order = mixed & ((1 << bits) - 1)
    upper, sorted_keys = mixed >> bits, keys[order]
    is_torn = (upper[1:] == upper[:-1]) & (sorted_keys[1:] != sorted_keys[:-1])
    for torn in np.unique(upper[1:][is_torn]).tolist():
        where = slice(*np.searchsorted(upper, [torn, torn + 1]))
        order[where] = order[where][np.argsort(sorted_keys[where], kind="stable")]
        sorted_keys[where].sort()
    return order, sorted_keys


def _changes(values: Longs) -> npt.NDArray[np.bool_]:
    """Where a value is another than the one before; also at the first."""
    return np.append(True, values[1:] != values[:-1])

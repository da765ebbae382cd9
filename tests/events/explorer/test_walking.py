"""Long ranges are read backwards in pieces, for as long as people wait."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from events.explorer.walking import backwards, forwards

START = datetime(2026, 3, 1, tzinfo=UTC)
END = START + timedelta(days=30)


def pieces(seconds_each: float, end: datetime = END) -> list[tuple[datetime, datetime]]:
    """As a machine reads them that needs so long for each."""

    def ticking() -> Iterator[float]:
        now = 0.0
        while True:
            yield now
            now += seconds_each / 2

    clock = ticking()
    return list(backwards(START, end, budget_seconds=5, clock=lambda: next(clock)))


def test_quick_pieces_cover_the_whole_range_once_newest_first() -> None:
    found = pieces(0.01)
    assert (found[0][1], found[-1][0]) == (END, START)
    assert [low for low, _ in found[:-1]] == [high for _, high in found[1:]]
    assert len(found) < 8


def test_slow_pieces_end_when_the_time_is_spent() -> None:
    assert len(pieces(12)) == 1
    found = pieces(1.8)
    assert 1 < len(found) < 5
    assert found[-1][0] > START
    assert found[-1][1] - found[-1][0] < found[0][1] - found[0][0]


def test_a_short_range_is_one_piece() -> None:
    end = START + timedelta(minutes=10)
    assert pieces(0.5, end) == [(START, end)]


def test_forwards_reads_the_same_pieces_from_the_other_end() -> None:
    quick = list(forwards(START, END, clock=lambda: 0.0))
    assert (quick[0][0], quick[-1][1]) == (START, END)
    assert [high for _, high in quick[:-1]] == [low for low, _ in quick[1:]]
    assert [high - low for low, high in quick] == [
        high - low for low, high in backwards(START, END, clock=lambda: 0.0)
    ]
    assert len(list(forwards(START, END, budget_seconds=0))) == 1
    assert list(forwards(START, START)) == []

"""A series becomes a picture: gaps stay gaps, axes have round numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.chart import line_chart, split_at_gaps

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(*seconds: float) -> list[tuple[datetime, float]]:
    return [(START + timedelta(seconds=second), float(second)) for second in seconds]


def test_nothing_to_draw_is_no_chart() -> None:
    assert line_chart([]) is None
    assert line_chart([(START, float("nan")), (START, float("inf"))]) is None


def test_a_long_silence_is_a_gap_and_not_a_line() -> None:
    points = at(0, 15, 30, 45, 120, 135, 150)
    assert [len(run) for run in split_at_gaps(points)] == [4, 3]
    chart = line_chart(points)
    assert chart is not None
    assert len(chart.paths) == 2


@pytest.mark.parametrize(
    ("value", "levels"),
    [
        (71.5, ["0", "20", "40", "60", "80"]),
        (0.0, ["0", "1"]),
        (-3.0, ["-3", "-2", "-1", "0"]),
        (1_200_000.0, ["0", "500 k", "1 M", "1.5 M"]),
    ],
)
def test_values_are_drawn_from_zero_on_round_levels(value: float, levels: list[str]) -> None:
    chart = line_chart([(START, value)])
    assert chart is not None
    assert [tick.text for tick in chart.y_ticks] == levels


@pytest.mark.parametrize(
    ("hours", "texts"),
    [(0.01, ["12:00:00", "12:00:05"]), (2, ["12:00", "12:15"]), (30 * 24, ["08 Jan", "15 Jan"])],
)
def test_times_say_as_much_as_changes(hours: float, texts: list[str]) -> None:
    chart = line_chart([(START, 1.0), (START + timedelta(hours=hours), 1.0)])
    assert chart is not None
    assert [tick.text for tick in chart.x_ticks[:2]] == texts
    assert len(chart.x_ticks) <= 9


@given(st.lists(st.tuples(st.integers(0, 10**9), st.floats()), max_size=50))
def test_whatever_is_measured_stays_inside_the_picture(points: list[tuple[int, float]]) -> None:
    chart = line_chart(sorted((START + timedelta(seconds=second), value) for second, value in points))
    if chart is None:
        return
    for path in chart.paths:
        for corner in path[1:].removesuffix(" h0").split(" L"):
            x, y = map(float, corner.split())
            assert chart.left <= x <= chart.width
            assert 0 <= y <= chart.height
